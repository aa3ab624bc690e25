"""Receivers of a session's audio: they share packets, and each drops for itself."""

import asyncio
import time

import av
import pytest

from server.media.audio.broadcast import AudioBroadcast

MS20 = bytes([0b11111_0_00])  # CELT, 20 ms, one frame
SAMPLES = 960
DELAY_S = 0.05


class Recording:
    """Has room for one packet."""

    def __init__(self) -> None:
        self.packets: list[av.Packet] = []

    def send(self, packet: av.Packet) -> int:
        dropped = len(self.packets)
        self.packets = [packet]
        return dropped


async def test_sinks_share_packets_and_drop_for_themselves():
    audio = AudioBroadcast(lambda: False, pytest.fail)
    first, second = Recording(), Recording()
    audio.subscribe(first)
    audio.subscribe(second)
    now = time.monotonic()
    audio.frame_sent(now - DELAY_S, now)
    for number in range(2):
        audio.receive_packet(1, number * SAMPLES, MS20, now)
    async with asyncio.timeout(5):
        while audio.counters.audio_forwarded < 2:
            await asyncio.sleep(0.002)
    assert first.packets == second.packets
    assert audio.counters.audio_not_taken == 2
    audio.unsubscribe(second)
    assert audio.sinks == [first]
    audio.close()
