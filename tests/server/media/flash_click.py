"""A source of simultaneous flashes and clicks, and a listener that measures when each is received."""

import asyncio
import fractions
import time
from bisect import bisect_right
from typing import Any

import av
import numpy as np
from aiortc import MediaStreamTrack, RTCRtpReceiver, RTCRtpSender, RTCRtpTransceiver
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import AnyRtcpPacket, RtcpSrPacket, RtpPacket

from tests.server.live import TIMEOUT_S

RATE, SAMPLES, FPS = 48_000, 960, 30
INTERVALS_S = (0.45, 0.7, 0.55, 0.8)  # between two flashes: irregular, so that an offset by whole intervals is detected
FLASH_S, CLICK_S = 0.1, 0.02
LOUD = 3000  # of 32767


class FlashSchedule:
    """Times of flashes and clicks, in seconds since the start of the source."""

    def __init__(self) -> None:
        self._start: float | None = None
        self.times = [0.5]
        for i in range(200):
            self.times.append(self.times[-1] + INTERVALS_S[i % len(INTERVALS_S)])

    async def until(self, seconds: float) -> None:
        """Wait for a time since the start, which is the first call by either track."""
        self._start = time.monotonic() if self._start is None else self._start
        await asyncio.sleep(max(0.0, self._start + seconds - time.monotonic()))

    def since(self, seconds: float) -> float:
        """Seconds since the latest flash."""
        index = bisect_right(self.times, seconds) - 1
        return seconds - self.times[index] if index >= 0 else float("inf")


class FlashTrack(MediaStreamTrack):
    """Black, and white for a tenth of a second."""

    kind = "video"

    def __init__(self, schedule: FlashSchedule) -> None:
        super().__init__()
        self.schedule, self.frames = schedule, 0

    async def recv(self) -> av.VideoFrame:
        at = self.frames / FPS
        await self.schedule.until(at)
        level = 255 if self.schedule.since(at + 1e-6) < FLASH_S else 0
        frame = av.VideoFrame.from_ndarray(np.full((96, 128, 3), level, np.uint8), format="rgb24")
        frame.pts, frame.time_base = self.frames * 90_000 // FPS, fractions.Fraction(1, 90_000)
        self.frames += 1
        return frame


class ClickTrack(MediaStreamTrack):
    """Silence and short tones of 1 kHz; `muted`: no packets are sent."""

    kind = "audio"

    def __init__(self, schedule: FlashSchedule, late_s: float = 0.0, *, muted: bool = False) -> None:
        """`late_s`: delay of the audio behind the video of the same capture time."""
        super().__init__()
        self.schedule, self.packets, self.late_s, self.muted = schedule, 0, late_s, muted

    async def recv(self) -> av.AudioFrame:
        while True:
            at = self.packets * SAMPLES / RATE
            await self.schedule.until(at + self.late_s)
            self.packets += 1
            if not self.muted:
                break
        times = at + np.arange(SAMPLES) / RATE
        tone = np.array([self.schedule.since(t + 1e-6) < CLICK_S for t in times]) * np.sin(times * 2 * np.pi * 1000)
        frame = av.AudioFrame.from_ndarray((tone * 20_000).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, (self.packets - 1) * SAMPLES, fractions.Fraction(1, RATE)
        return frame


def delay_sender_reports(sender: RTCRtpSender, late_s: float) -> None:
    """Make a sender's reports refer to the capture time of its audio, as a browser's do, not to its send time."""
    send = sender._send_rtcp

    async def send_rtcp(packets: list[AnyRtcpPacket]) -> None:
        for packet in packets:
            if isinstance(packet, RtcpSrPacket):
                info = packet.sender_info
                info.rtp_timestamp = (info.rtp_timestamp + round(late_s * RATE)) & 0xFFFFFFFF
        await send(packets)

    sender._send_rtcp = send_rtcp  # type: ignore[method-assign]


class Arrivals:
    """Arrival times of a receiver's packets, and the sender reports on its clock."""

    def __init__(self, receiver: RTCRtpReceiver, rate: int) -> None:
        self.receiver, self.rate = receiver, rate
        self.at: dict[int, float] = {}  # by RTP timestamp, of the last packet with it
        self.payloads: list[bytes] = []
        self.reports: list[tuple[float, int]] = []  # the sender's time in seconds, and the corresponding timestamp
        self._rtp, self._rtcp = receiver._handle_rtp_packet, receiver._handle_rtcp_packet
        receiver._handle_rtp_packet = self._packet  # type: ignore[method-assign]
        receiver._handle_rtcp_packet = self._control  # type: ignore[method-assign]

    async def _packet(self, packet: RtpPacket, arrival_time_ms: int) -> None:
        self.at[packet.timestamp] = time.monotonic()
        self.payloads.append(packet.payload)
        await self._rtp(packet, arrival_time_ms)

    async def _control(self, packet: AnyRtcpPacket) -> None:
        if isinstance(packet, RtcpSrPacket):
            self.reports.append((packet.sender_info.ntp_timestamp / 2**32, packet.sender_info.rtp_timestamp))
        await self._rtcp(packet)

    def timestamp(self, pts: int) -> int:
        """The RTP timestamp of a decoded frame."""
        origin: int = self.receiver._RTCRtpReceiver__timestamp_mapper._origin  # type: ignore[attr-defined]
        return (pts + origin) & 0xFFFFFFFF

    def sender_time(self, timestamp: int) -> float:
        """By the clock of the sender's reports."""
        ntp_s, reported = self.reports[-1]
        return ntp_s + ((timestamp - reported + 2**31) % 2**32 - 2**31) / self.rate


class Listener:
    """Detects flashes and clicks; the server's echo inverts, so that a flash is black."""

    def __init__(self, video: RTCRtpTransceiver, audio: RTCRtpTransceiver) -> None:
        self.video, self.audio = Arrivals(video.receiver, 90_000), Arrivals(audio.receiver, RATE)
        self.flashes: list[int] = []  # RTP timestamps
        self.clicks: list[tuple[int, float]] = []  # RTP timestamp of the packet, and seconds into it
        self.sounds = 0
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self, track: MediaStreamTrack) -> None:
        """Read a track of the remote peer."""
        detect = self._flash if track.kind == "video" else self._click
        self._tasks.append(asyncio.create_task(self._read(track, detect)))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _read(self, track: MediaStreamTrack, detect: Any) -> None:
        before = True  # a flash or click in progress at the start is not counted
        try:
            while True:
                frame = await track.recv()
                before = detect(frame, before)
        except MediaStreamError:
            return

    def _flash(self, frame: av.VideoFrame, before: bool) -> bool:
        is_flash = bool(frame.to_ndarray(format="gray").mean() < 64)
        if is_flash and not before:
            self.flashes.append(self.video.timestamp(frame.pts))
        return is_flash

    def _click(self, frame: av.AudioFrame, before: bool) -> bool:
        self.sounds += 1
        loud = np.flatnonzero(np.abs(frame.to_ndarray().reshape(-1, len(frame.layout.channels))[:, 0]) > LOUD)
        if len(loud) and not before:
            self.clicks.append((self.audio.timestamp(frame.pts), loud[0] / RATE))
        return bool(len(loud))

    async def wait_for_clicks(self, more: int) -> None:
        """Wait for `more` new clicks and the flashes that belong to them."""
        self.clicks.clear()
        async with asyncio.timeout(TIMEOUT_S):
            while len(self.clicks) < more or not self.video.reports or not self.audio.reports:
                await asyncio.sleep(0.02)
        await asyncio.sleep(2 * FLASH_S)

    def offsets_ms(self) -> list[tuple[float, float]]:
        """For every click, ms after its flash: by arrival time, and by playout time."""
        flashes = [(self.video.at[stamp], self.video.sender_time(stamp)) for stamp in self.flashes]
        apart = []
        for stamp, into in self.clicks:
            arrived, sent = self.audio.at[stamp] + into, self.audio.sender_time(stamp) + into
            flash = min(flashes, key=lambda flash: abs(flash[0] - arrived))
            apart.append(((arrived - flash[0]) * 1000, (sent - flash[1]) * 1000))
        return apart
