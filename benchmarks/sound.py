"""The cost of forwarding audio: CPU time of an Opus packet from arrival to its tracks, without the network.

python -m benchmarks.sound [SECONDS]
"""

import asyncio
import sys
import time

from server.media.audio.broadcast import AudioBroadcast
from server.media.audio.track import AudioTrack

SESSIONS, LISTENERS = 20, 2  # an editor and a viewer each
PACKET = bytes([0b11111_0_00]) + bytes(99)  # 20 ms
SAMPLES, PERIOD_S, DELAY_S = 960, 0.02, 0.3


async def read(track: AudioTrack) -> None:
    while True:
        await track.recv()


def fail(reason: str) -> None:
    raise RuntimeError(reason)


async def feed(broadcasts: list[AudioBroadcast], seconds: float) -> None:
    started = time.monotonic()
    for number in range(round(seconds / PERIOD_S)):
        await asyncio.sleep(started + number * PERIOD_S - time.monotonic())
        now = time.monotonic()
        for ssrc, broadcast in enumerate(broadcasts):
            broadcast.frame_sent(now - DELAY_S, now)
            broadcast.receive_packet(ssrc, number * SAMPLES, PACKET, now)


async def measure(seconds: float) -> None:
    broadcasts = [AudioBroadcast(lambda: False, fail) for _ in range(SESSIONS)]
    readers = [asyncio.create_task(read(AudioTrack(broadcast))) for broadcast in broadcasts for _ in range(LISTENERS)]
    started = time.process_time()
    await feed(broadcasts, seconds)
    await asyncio.sleep(2 * DELAY_S)
    spent = time.process_time() - started
    taken = sum(broadcast.counters.audio_received for broadcast in broadcasts)
    sent = sum(broadcast.counters.audio_forwarded for broadcast in broadcasts)
    print(f"{taken} packets taken, {sent} sent to {LISTENERS} listeners each: {spent / taken * 1e6:.0f} µs per packet")
    print(f"{spent / taken / PERIOD_S * 100:.2f} % of a core per session")
    for task in readers:
        task.cancel()
    for broadcast in broadcasts:
        broadcast.close()


if __name__ == "__main__":
    asyncio.run(measure(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0))
