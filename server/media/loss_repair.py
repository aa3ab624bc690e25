"""Loss repair of a video receiver: repeated NACKs, then a keyframe request."""

import asyncio
import time
from collections.abc import Callable

from aiortc import RTCRtpReceiver
from aiortc.codecs import is_rtx
from aiortc.rtp import RtpPacket
from aiortc.utils import uint16_add

from server.media.aiortc_patches import private_attr
from server.media.colour_space import ColourSpace
from server.media.counters import SessionCounters
from server.media.depacketize import ASSEMBLERS
from server.media.frame_buffer import NACK_INTERVAL_S, FrameBuffer, MissingPackets, join_payloads
from server.media.source_streams import SourceStreams, StreamSelector
from server.supervisor import Supervisor

MAX_TIMESTAMPS = 64


class LossRepair:
    """Patches a video receiver: complete frames are decoded at once, lost packets are NACKed until a timeout.

    aiortc sends one NACK per gap and then waits until its 512 packets are full: seconds of a frozen image.
    """

    def __init__(
        self,
        receiver: RTCRtpReceiver,
        streams: SourceStreams | None = None,
        on_error: Callable[[str], None] = lambda reason: None,
        counters: SessionCounters | None = None,
    ) -> None:
        """Call it before the receiver's first packet. `streams`: from the SDP. Runs until `stop`.

        `on_error(reason)` is called after an internal error; then no more NACKs are sent.
        """
        streams = streams or SourceStreams()
        self.receiver = receiver
        self.missing = MissingPackets()
        self.frames = FrameBuffer(self._assemble)
        self.selector = StreamSelector(streams.main)
        self._repairs = dict(streams.repairs)
        self.colour_space: ColourSpace | None = None  # from the newest header extension
        self.packets = 0  # of the decoded stream
        self.counters = counters or SessionCounters()
        self._ssrc: int | None = None
        self._handle = private_attr(receiver, "_handle_rtp_packet")
        self._rtx_ssrc = private_attr(receiver, "_RTCRtpReceiver__rtx_ssrc")
        self._replace_buffers()
        self._codecs = private_attr(receiver, "_RTCRtpReceiver__codecs")
        mapper = private_attr(receiver, "_RTCRtpReceiver__timestamp_mapper")
        self._original_map, mapper.map = mapper.map, self._map
        self._first_packet_times: dict[int, float] = {}  # of each frame, by RTP timestamp
        self._arrival_times: dict[int, float] = {}  # the same, by pts
        self._decode = private_attr(receiver, "_RTCRtpReceiver__decoder_queue").put
        receiver._handle_rtp_packet = self._handle_packet  # type: ignore[method-assign]
        self._tasks = Supervisor(on_error)
        self._tasks.start(self._send_nacks(), "send NACKs")

    def _replace_buffers(self) -> None:
        """Replace aiortc's jitter buffer and NACK generator."""
        for name, value in {"jitter_buffer": self.frames, "nack_generator": _NackGenerator(self.missing)}.items():
            private_attr(self.receiver, f"_RTCRtpReceiver__{name}")
            setattr(self.receiver, f"_RTCRtpReceiver__{name}", value)

    def stop(self) -> None:
        self._tasks.cancel()

    def pop_arrival_time(self, pts: int | None) -> float | None:
        """Arrival of the first packet of the frame with this pts, monotonic clock; can be read once."""
        return None if pts is None else self._arrival_times.pop(pts, None)

    def _map(self, timestamp: int) -> int:
        mapped: int = self._original_map(timestamp)
        _put_bounded(self._arrival_times, mapped, self._first_packet_times.pop(timestamp, time.monotonic()))
        return mapped

    async def _handle_packet(self, packet: RtpPacket, arrival_time_ms: int) -> None:
        codec = self._codecs.get(packet.payload_type)
        if codec is not None and not (
            self._accept_retransmission(packet) if is_rtx(codec) else self._accept_stream(packet)
        ):
            return
        self.packets += 1
        self.colour_space = getattr(packet.extensions, "colour_space", None) or self.colour_space
        if packet.timestamp not in self._first_packet_times:
            _put_bounded(self._first_packet_times, packet.timestamp, time.monotonic())
        await self._handle(packet, arrival_time_ms)
        if codec is not None and is_rtx(codec):
            codec = self._codecs.get(codec.parameters.get("apt"))
        elif codec is not None:
            self._ssrc = packet.ssrc
        if codec is not None:
            for frame in self.frames.pop_complete():
                frame.timestamp = self._map(frame.timestamp)
                self._decode((codec, frame))

    def _accept_stream(self, packet: RtpPacket) -> bool:
        """Whether a packet belongs to the decoded stream; after a timeout another stream replaces it."""
        before = self._ssrc
        if not self.selector.accepts(packet.ssrc, time.monotonic()):
            return False
        if before not in (None, packet.ssrc):
            self.frames.reset()
            self.missing.reset()
        return True

    def _accept_retransmission(self, packet: RtpPacket) -> bool:
        """Whether a retransmission belongs to the decoded stream, by the SDP, else by its original sequence number."""
        original = self._repairs.get(packet.ssrc)
        if original is None and len(packet.payload) >= 2:
            repeated = int.from_bytes(packet.payload[:2], "big")
            original = self._ssrc if repeated in self.missing.all else None
        if original is None or original != self._ssrc:
            return False
        self._rtx_ssrc[packet.ssrc] = original
        return True

    def _assemble(self, packets: list[RtpPacket]) -> bytes:
        codec = self._codecs.get(packets[0].payload_type)
        if codec is None or codec.name not in ASSEMBLERS:
            return join_payloads(packets)
        try:
            return ASSEMBLERS[codec.name]([packet.payload for packet in packets if packet.payload])
        except (IndexError, ValueError):
            self.counters.malformed += 1
            return b""

    async def _send_nacks(self) -> None:
        while True:
            await asyncio.sleep(NACK_INTERVAL_S)
            now = time.monotonic()
            if self._ssrc is None or (newest := self.missing.newest) is None:
                continue
            if self.missing.expire(now):
                self.counters.nack_timeouts += 1
                self.frames.skip(uint16_add(newest, 1))
                await self.receiver._send_rtcp_pli(self._ssrc)
            elif nacks := self.missing.due_nacks(now):
                self.counters.nacks_sent += len(nacks)
                await self.receiver._send_rtcp_nack(self._ssrc, nacks)


class _NackGenerator:
    """Adapts `MissingPackets` to the interface of aiortc's NackGenerator."""

    def __init__(self, missing: MissingPackets) -> None:
        self._missing = missing

    @property
    def missing(self) -> list[int]:
        return self._missing.all

    def add(self, packet: RtpPacket) -> bool:
        return self._missing.arrived(packet.sequence_number, time.monotonic())


def _put_bounded(times: dict[int, float], key: int, value: float) -> None:
    """Keep the newest entries only: those of discarded frames are never read."""
    times[key] = value
    if len(times) > MAX_TIMESTAMPS:
        del times[next(iter(times))]
