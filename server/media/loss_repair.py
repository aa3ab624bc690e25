"""A video receiver that asks for lost packets until they come, and gives up in time."""

import asyncio
import time
from collections.abc import Callable

from aiortc import RTCRtpReceiver
from aiortc.codecs import is_rtx
from aiortc.rtp import RtpPacket
from aiortc.utils import uint16_add

from server.media.aiortc_patches import own
from server.media.colour_space import ColourSpace
from server.media.depacketize import ASSEMBLERS
from server.media.frame_buffer import ASK_AGAIN_S, FrameBuffer, Missing, join_payloads
from server.media.source_streams import SourceStreams, StreamSelector
from server.supervisor import Supervisor

FRAMES_REMEMBERED = 64


class LossRepair:
    """Makes a video receiver give frames out at once, ask for lost packets until they come, and give up in time.

    aiortc asks once, when it sees a gap, and then waits until 512 packets are full: seconds of a frozen picture.
    """

    def __init__(
        self,
        receiver: RTCRtpReceiver,
        streams: SourceStreams | None = None,
        on_error: Callable[[str], None] = lambda reason: None,
    ) -> None:
        """Before the receiver's first packet; `streams`: what the SDP says of them. Ends with `stop`.

        `on_error` is told of a fault of ours: lost packets are asked for no more.
        """
        streams = streams or SourceStreams()
        self.receiver, self.missing = receiver, Missing()
        self.frames = FrameBuffer(self._assemble)
        self.selector, self._repairs = StreamSelector(streams.main), dict(streams.repairs)
        self.colour_space: ColourSpace | None = None  # that the newest packets say, if they do
        self.packets = self.asked = self.given_up = self.malformed = 0
        self._ssrc: int | None = None
        self._handle = own(receiver, "_handle_rtp_packet")
        self._rtx_ssrc = own(receiver, "_RTCRtpReceiver__rtx_ssrc")
        for name, value in {"jitter_buffer": self.frames, "nack_generator": _Gaps(self.missing)}.items():
            own(receiver, f"_RTCRtpReceiver__{name}")
            setattr(receiver, f"_RTCRtpReceiver__{name}", value)
        self._codecs = own(receiver, "_RTCRtpReceiver__codecs")
        mapper = own(receiver, "_RTCRtpReceiver__timestamp_mapper")
        self._original_map, mapper.map = mapper.map, self._map
        self._first: dict[int, float] = {}  # when a frame's first packet came, by the sender's timestamp, then by ours
        self._arrived: dict[int, float] = {}
        self._decode = own(receiver, "_RTCRtpReceiver__decoder_queue").put
        receiver._handle_rtp_packet = self._handle_packet  # type: ignore[method-assign]
        self._tasks = Supervisor(on_error)
        self._tasks.start(self._ask_again(), "ask for lost packets")

    def stop(self) -> None:
        self._tasks.cancel()

    def arrived(self, pts: int | None) -> float | None:
        """When the first packet of the frame with this pts came, on the monotonic clock; asked once."""
        return None if pts is None else self._arrived.pop(pts, None)

    def _map(self, timestamp: int) -> int:
        mapped: int = self._original_map(timestamp)
        _remember(self._arrived, mapped, self._first.pop(timestamp, time.monotonic()))
        return mapped

    async def _handle_packet(self, packet: RtpPacket, arrival_time_ms: int) -> None:
        codec = self._codecs.get(packet.payload_type)
        if codec is not None and not (self._repeats(packet) if is_rtx(codec) else self._selects(packet)):
            return
        self.packets += 1
        self.colour_space = getattr(packet.extensions, "colour_space", None) or self.colour_space
        if packet.timestamp not in self._first:
            _remember(self._first, packet.timestamp, time.monotonic())
        await self._handle(packet, arrival_time_ms)
        if codec is not None and is_rtx(codec):
            codec = self._codecs.get(codec.parameters.get("apt"))
        elif codec is not None:
            self._ssrc = packet.ssrc
        if codec is not None:
            for frame in self.frames.more():
                frame.timestamp = self._map(frame.timestamp)
                self._decode((codec, frame))

    def _selects(self, packet: RtpPacket) -> bool:
        """Whether a packet is of the stream that is decoded; another takes its place when it has fallen silent."""
        before = self._ssrc
        if not self.selector.accepts(packet.ssrc, time.monotonic()):
            return False
        if before not in (None, packet.ssrc):
            self.frames.restart()
            self.missing.restart()
        return True

    def _repeats(self, packet: RtpPacket) -> bool:
        """Whether a retransmission is of that stream: by what the SDP says, else by what it repeats."""
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
            self.malformed += 1
            return b""

    async def _ask_again(self) -> None:
        while True:
            await asyncio.sleep(ASK_AGAIN_S)
            now = time.monotonic()
            if self._ssrc is None or (newest := self.missing.newest) is None:
                continue
            if self.missing.given_up(now):
                self.given_up += 1
                self.frames.skip(uint16_add(newest, 1))
                await self.receiver._send_rtcp_pli(self._ssrc)
            elif wanted := self.missing.wanted(now):
                self.asked += len(wanted)
                await self.receiver._send_rtcp_nack(self._ssrc, wanted)


class _Gaps:
    """`Missing` in the shape of aiortc's NackGenerator."""

    def __init__(self, missing: Missing) -> None:
        self._missing = missing

    @property
    def missing(self) -> list[int]:
        return self._missing.all

    def add(self, packet: RtpPacket) -> bool:
        return self._missing.arrived(packet.sequence_number, time.monotonic())


def _remember(times: dict[int, float], key: int, value: float) -> None:
    """The newest few alone: frames that are given up are never asked for."""
    times[key] = value
    if len(times) > FRAMES_REMEMBERED:
        del times[next(iter(times))]
