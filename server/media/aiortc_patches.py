"""What aiortc 1.16 and aioice 0.13 have no setting for. Each change checks that it still fits what it changes."""

import asyncio
import errno
import random
import time
from collections.abc import Callable
from typing import Any

import aioice
import aioice.ice
import aiortc
from aiortc import RTCRtpReceiver, RTCRtpSender
from aiortc.codecs import h264, is_rtx, vpx
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTP_HISTORY_SIZE,
    AnyRtcpPacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpSrPacket,
    RtpPacket,
)
from aiortc.rtp import unpack_remb_fci as unpack_remb
from aiortc.utils import uint16_add

from server.media.frame_buffer import ASK_AGAIN_S, FrameBuffer, Missing

FRAMES_REMEMBERED = 64
TESTED = {"aiortc": "1.16.", "aioice": "0.13."}


def check_versions() -> None:
    """Raise `RuntimeError` where another release is installed: the changes below were written for these."""
    for module in (aiortc, aioice):
        wanted = TESTED[module.__name__]
        if not module.__version__.startswith(wanted):
            raise RuntimeError(f"{module.__name__} {module.__version__} is installed, {wanted}x is needed")


def set_bitrates(start: int, minimum: int, maximum: int) -> None:
    """Bounds of the video encoders' target, bit/s; the start holds until the first estimate of the receiver."""
    for codec in (h264, vpx):
        for name, value in {"DEFAULT_BITRATE": start, "MIN_BITRATE": minimum, "MAX_BITRATE": maximum}.items():
            if not hasattr(codec, name):
                raise RuntimeError(f"{codec.__name__} has no {name} any more")
            setattr(codec, name, value)


def offer_loopback() -> None:
    """Let ICE offer 127.0.0.1 too: aioice leaves it out, and a laptop without a network has nothing else."""
    original = aioice.ice.get_host_addresses
    if getattr(original, "offers_loopback", False):
        return

    def get_host_addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        return [*original(use_ipv4, use_ipv6), *(["127.0.0.1"] if use_ipv4 else [])]

    get_host_addresses.offers_loopback = True  # type: ignore[attr-defined]
    aioice.ice.get_host_addresses = get_host_addresses


def limit_ports(loop: asyncio.AbstractEventLoop, first: int, last: int) -> None:
    """Bind media to UDP ports of a range, for a firewall to open: aioice has no setting (aioice#47).

    It binds port 0 of an address and leaves the choice to the kernel; here a random free port of the range is taken.
    Where none is free the binding fails, and an offer is answered with 503.
    """
    original = loop.create_datagram_endpoint

    async def create_datagram_endpoint(factory: Any, local_addr: Any = None, **rest: Any) -> Any:
        if local_addr is None or local_addr[1] != 0:
            return await original(factory, local_addr=local_addr, **rest)
        ports = random.sample(range(first, last + 1), last - first + 1)
        for port in ports:
            try:
                return await original(factory, local_addr=(local_addr[0], port), **rest)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
        raise OSError(errno.EADDRINUSE, f"all UDP ports from {first} to {last} are taken")

    loop.create_datagram_endpoint = create_datagram_endpoint  # type: ignore[method-assign, assignment]


def hear_feedback(
    sender: RTCRtpSender,
    on_lost: Callable[[float], None],
    on_estimate: Callable[[int], None],
    on_keyframe: Callable[[], None],
    on_any: Callable[[], None],
) -> None:
    """Tell what the other side reports of a sender: share of packets lost, its REMB in bit/s, a keyframe that it needs.

    A packet that is asked for again and not kept any more needs a keyframe too: Chromium says so after 3 s only.
    `on_any` is told of every report: who only watches says nothing else.
    """
    handle, send_keyframe, ssrc = _own(sender, "_handle_rtcp_packet"), _own(sender, "_send_keyframe"), sender._ssrc
    retransmit, sent = _own(sender, "_retransmit"), _own(sender, "_RTCRtpSender__rtp_history")

    async def handle_rtcp(packet: AnyRtcpPacket) -> None:
        on_any()
        if isinstance(packet, (RtcpRrPacket, RtcpSrPacket)):
            for report in packet.reports:
                if report.ssrc == ssrc:
                    on_lost(report.fraction_lost / 256)
        elif isinstance(packet, RtcpPsfbPacket) and packet.fmt == RTCP_PSFB_APP:
            try:
                bitrate, ssrcs = unpack_remb(packet.fci)
            except ValueError:
                bitrate, ssrcs = 0, []  # another application's message
            if ssrc in ssrcs:
                on_estimate(bitrate)
        await handle(packet)

    def keyframe() -> None:
        on_keyframe()
        send_keyframe()

    async def retransmit_or_begin_anew(sequence_number: int) -> None:
        kept = sent.get(sequence_number % RTP_HISTORY_SIZE)
        if kept is None or kept.sequence_number != sequence_number:
            on_keyframe()
        await retransmit(sequence_number)

    sender._retransmit = retransmit_or_begin_anew  # type: ignore[method-assign]
    sender._handle_rtcp_packet = handle_rtcp  # type: ignore[method-assign]
    sender._send_keyframe = keyframe  # type: ignore[method-assign]


class LossRepair:
    """Makes a video receiver give frames out at once, ask for lost packets until they come, and give up in time.

    aiortc asks once, when it sees a gap, and then waits until 512 packets are full: seconds of a frozen picture.
    """

    def __init__(self, receiver: RTCRtpReceiver) -> None:
        """Before the receiver's first packet. Ends with `stop`."""
        self.receiver, self.frames, self.missing = receiver, FrameBuffer(), Missing()
        self.asked = self.given_up = 0
        self._ssrc: int | None = None
        self._handle = _own(receiver, "_handle_rtp_packet")
        for name, value in {"jitter_buffer": self.frames, "nack_generator": _Gaps(self.missing)}.items():
            _own(receiver, f"_RTCRtpReceiver__{name}")
            setattr(receiver, f"_RTCRtpReceiver__{name}", value)
        self._codecs = _own(receiver, "_RTCRtpReceiver__codecs")
        mapper = _own(receiver, "_RTCRtpReceiver__timestamp_mapper")
        self._original_map, mapper.map = mapper.map, self._map
        self._first: dict[int, float] = {}  # when a frame's first packet came, by the sender's timestamp, then by ours
        self._arrived: dict[int, float] = {}
        self._decode = _own(receiver, "_RTCRtpReceiver__decoder_queue").put
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


def _own(owner: object, name: str) -> Any:
    """A private part of aiortc's object; `RuntimeError` where it has none of that name any more."""
    if not hasattr(owner, name):
        raise RuntimeError(f"aiortc's {type(owner).__name__} has no {name} any more")
    return getattr(owner, name)
