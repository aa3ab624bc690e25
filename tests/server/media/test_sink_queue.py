"""A sink's queue: bounded, and its packets can be decoded."""

import pytest

from server.media.sink_queue import SinkQueue
from tests.server.media.waves import packets, picture


def test_a_queue_of_packets_begins_with_a_keyframe_and_so_after_an_overflow():
    requests: list[int] = []
    queue = SinkQueue(2, lambda: requests.append(1))
    first, second, third, fourth, keyframe, last = packets(6, keyframe_at=4)
    assert (queue.put(second), len(queue), len(requests)) == (0, 0, 1)  # it joined late: nothing is lost
    assert [queue.put(packet) for packet in (first, second)] == [0, 0]
    assert (queue.put(third), len(queue)) == (3, 0)
    assert queue.put(fourth) == 1
    assert len(requests) == 3
    assert [queue.put(packet) for packet in (keyframe, last)] == [0, 0]
    assert [queue.pop(), queue.pop(), queue.pop()] == [keyframe, last, None]


def test_a_queue_of_frames_drops_the_oldest():
    queue = SinkQueue(2, pytest.fail)
    frames = [picture(number) for number in range(3)]
    assert [queue.put(frame) for frame in frames] == [0, 0, 1]
    assert [queue.pop(), queue.pop()] == frames[1:]
