"""A video receiver that asks for lost packets until they come, and gives up in time."""

import asyncio
import time

from aiortc import RTCRtpReceiver
from aiortc.codecs import is_rtx
from aiortc.rtp import RtpPacket
from aiortc.utils import uint16_add

from server.media.aiortc_patches import own
from server.media.frame_buffer import ASK_AGAIN_S, FrameBuffer, Missing

FRAMES_REMEMBERED = 64


class LossRepair:
    """Makes a video receiver give frames out at once, ask for lost packets until they come, and give up in time.

    aiortc asks once, when it sees a gap, and then waits until 512 packets are full: seconds of a frozen picture.
    """

    def __init__(self, receiver: RTCRtpReceiver) -> None:
        """Before the receiver's first packet. Ends with `stop`."""
        self.receiver, self.frames, self.missing = receiver, FrameBuffer(), Missing()
        self.asked = self.given_up = 0
        self._ssrc: int | None = None
        self._handle = own(receiver, "_handle_rtp_packet")
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
        self._task = asyncio.create_task(self._ask_again(), name="ask again")

    def stop(self) -> None:
        self._task.cancel()

    def arrived(self, pts: int | None) -> float | None:
        """When the first packet of the frame with this pts came, on the monotonic clock; asked once."""
        return None if pts is None else self._arrived.pop(pts, None)

    def _map(self, timestamp: int) -> int:
        mapped: int = self._original_map(timestamp)
        _remember(self._arrived, mapped, self._first.pop(timestamp, time.monotonic()))
        return mapped

    async def _handle_packet(self, packet: RtpPacket, arrival_time_ms: int) -> None:
        if packet.timestamp not in self._first:
            _remember(self._first, packet.timestamp, time.monotonic())
        await self._handle(packet, arrival_time_ms)
        codec = self._codecs.get(packet.payload_type)
        if codec is not None and is_rtx(codec):
            codec = self._codecs.get(codec.parameters.get("apt"))
        elif codec is not None:
            self._ssrc = packet.ssrc
        if codec is not None:
            for frame in self.frames.more():
                frame.timestamp = self._map(frame.timestamp)
                self._decode((codec, frame))

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
