"""The sink protocol: an output that is not a connection shares the encoder and has its own back-pressure."""

import asyncio
import io
import time

import av
import numpy as np
import pytest

from server.media.broadcast import Broadcast
from server.media.edited_track import EditedTrack
from server.media.rate_control import RateControl
from server.media.sink import Demand, Item, PacketDemand
from server.media.sink_queue import SinkQueue
from tests.server.media.waves import SIZE, packets, picture, timed

CAPACITY = 3
FPS = 25
RATE, MAX_RATE = 400_000, 500_000  # bit/s


class Recorder:
    """Writes packets to an MPEG transport stream whenever its disk is ready."""

    primary = False

    def __init__(self, broadcast: Broadcast) -> None:
        self.queue = SinkQueue(CAPACITY, broadcast.request_keyframe)
        self.file = io.BytesIO()
        self.container = av.open(self.file, "w", format="mpegts")
        self.stream = self.container.add_stream("h264", rate=FPS)
        self.stream.width, self.stream.height = SIZE
        self.written: list[int] = []  # pts
        broadcast.subscribe(self)

    @property
    def queued(self) -> int:
        return len(self.queue)

    def wants(self, bitrate: float) -> Demand:
        return PacketDemand(300_000, 500_000)

    def send(self, item: Item) -> int:
        return self.queue.put(item)

    def write(self) -> None:
        while (packet := self.queue.pop()) is not None:
            copy = av.Packet(bytes(packet))
            copy.pts = copy.dts = packet.pts
            copy.time_base, copy.stream, copy.is_keyframe = packet.time_base, self.stream, packet.is_keyframe
            self.container.mux(copy)
            self.written.append(packet.pts)

    def recorded(self) -> list[av.VideoFrame]:
        self.container.close()
        with av.open(io.BytesIO(self.file.getvalue())) as recording:
            return list(recording.decode(video=0))


@pytest.fixture
async def broadcast():
    broadcast = Broadcast(8, lambda *_: None, pytest.fail)
    yield broadcast
    broadcast.close()


async def sent_by(broadcast: Broadcast, frames: int) -> None:
    """Send that many frames, one after the other."""
    async with asyncio.timeout(30):
        for number in range(broadcast.counters.sent, broadcast.counters.sent + frames):
            now = time.monotonic()
            broadcast.add(picture(number).to_ndarray(), now, now)
            while broadcast.counters.sent <= number:
                await asyncio.sleep(0.002)
            for _ in range(3):  # let a track's reader run
                await asyncio.sleep(0)


async def connected_track(broadcast: Broadcast, received: list[av.Packet], *, primary: bool = True) -> EditedTrack:
    track = EditedTrack(broadcast, primary=primary)
    track.use_rate_control(RateControl(RATE, 100_000, MAX_RATE))

    async def read() -> None:
        while True:
            received.append(await track.recv())

    reader = asyncio.create_task(read())
    track.on("ended", reader.cancel)
    await asyncio.sleep(0)
    return track


async def test_a_recorder_gets_the_packets_of_the_editor_with_their_times(broadcast):
    received: list[av.Packet] = []
    track = await connected_track(broadcast, received)
    recorder = Recorder(broadcast)
    for _ in range(8):
        await sent_by(broadcast, 1)
        recorder.write()
    assert [packet.pts for packet in received] == recorder.written
    assert broadcast.counters.keyframes == 1  # one encoder
    frames = recorder.recorded()
    pts = np.array([frame.pts for frame in frames])
    assert (pts - pts[0]).tolist() == [time - recorder.written[0] for time in recorder.written]
    for number, frame in enumerate(frames):
        difference = frame.to_ndarray()[: SIZE[1]].astype(int) - picture(number).to_ndarray()[: SIZE[1]]
        assert np.abs(difference).mean() < 20
    track.stop()


async def test_a_slow_disk_drops_up_to_a_keyframe_and_delays_no_other_sink(broadcast):
    received: list[av.Packet] = []
    track = await connected_track(broadcast, received)
    recorder = Recorder(broadcast)
    await sent_by(broadcast, CAPACITY + 3)  # the disk is not ready
    assert len(received) == CAPACITY + 3
    assert broadcast.counters.not_taken == CAPACITY + 1  # all queued packets, and the next one
    for _ in range(4):
        await sent_by(broadcast, 1)
        recorder.write()
    assert broadcast.counters.sent == len(received) == broadcast.counters.not_taken + len(recorder.written)
    frames = recorder.recorded()
    assert len(frames) == len(recorder.written)
    assert frames[0].key_frame
    track.stop()


async def test_a_recorder_that_joins_late_begins_with_a_keyframe(broadcast):
    received: list[av.Packet] = []
    track = await connected_track(broadcast, received)
    await sent_by(broadcast, 3)
    recorder = Recorder(broadcast)
    await sent_by(broadcast, 3)
    recorder.write()
    assert recorder.recorded()[0].key_frame
    assert broadcast.counters.not_taken == 0  # it had not subscribed before
    broadcast.unsubscribe(recorder)
    await sent_by(broadcast, 1)
    assert recorder.queued == 0
    track.stop()


async def test_each_sink_gets_packets_or_frames_as_it_demands(broadcast):
    class Screen:
        """Takes frames while it is on."""

        primary, queued, on = False, 0, False

        def __init__(self) -> None:
            self.items: list[Item] = []

        def wants(self, bitrate: float) -> Demand:
            return "frames" if self.on else None

        def send(self, item: Item) -> int:
            self.items.append(item)
            return 0

    screen = Screen()
    broadcast.subscribe(screen)
    await sent_by(broadcast, 1)
    assert screen.items == []
    screen.on = True
    await sent_by(broadcast, 1)
    assert isinstance(screen.items[0], av.VideoFrame)
    assert broadcast.counters.keyframes == 0  # no encoder is needed


async def test_a_track_with_less_bandwidth_has_an_encoder_of_its_own_until_it_has_more(broadcast):
    received: list[av.Packet] = []
    track = await connected_track(broadcast, received, primary=False)
    assert track.wants(0.0) == PacketDemand(RATE, MAX_RATE)
    assert track.wants(2 * RATE) == "frames"
    _, second, keyframe = packets(3, keyframe_at=2)
    track.send(timed(picture(0), 0))
    while not received:
        await asyncio.sleep(0.002)
    assert received.pop().is_keyframe
    assert track.wants(RATE / 0.8) == "frames"  # hysteresis: not yet shared again
    assert track.wants(RATE) == PacketDemand(RATE, MAX_RATE)
    assert [track.send(packet) for packet in (second, keyframe)] == [0, 0]
    while not received:
        await asyncio.sleep(0.002)
    assert received == [keyframe]  # it cannot continue with a packet of another encoder
    track.stop()


async def test_a_track_that_aiortc_encodes_requests_no_keyframe_of_the_others(broadcast):
    editor = await connected_track(broadcast, [])
    await sent_by(broadcast, 1)
    EditedTrack(broadcast, primary=False).request_keyframe()
    await sent_by(broadcast, 1)
    assert broadcast.counters.keyframes == 1
    editor.request_keyframe()
    await sent_by(broadcast, 1)
    assert broadcast.counters.keyframes == 2
    editor.stop()
