"""Send times of audio packets, on a simulated clock."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.media.audio.delay_line import CAPACITY, MAX_LATENESS_S, START_TOLERANCE_S, TOLERANCE_S, DelayLine
from server.media.audio.opus import SAMPLE_RATE, packet_samples
from server.media.audio.source_clock import MAX_JUMP_S, SILENCE_S, SourceClock

MS20 = bytes([0b11111_0_00])  # CELT, 20 ms, one frame
SAMPLES, PERIOD_S = 960, 0.02
START = 1000.0  # of the monotonic clock
SSRC = 7


@pytest.mark.parametrize(
    ("payload", "milliseconds"),
    [
        (bytes([0b00000_0_00]), 10),
        (bytes([0b01011_1_00, 1, 2]), 60),
        (bytes([0b01111_0_01]), 40),
        (bytes([0b10000_0_10]), 5),
        (bytes([0b11111_0_11, 0b0000_0110]), 120),
        (MS20, 20),
        (b"", 0),
        (bytes([0b11111_0_11]), 0),  # the frame count is missing
        (bytes([0b11111_0_11, 0b0011_1111]), 0),  # more than a packet may hold
    ],
)
def test_packet_duration_is_read_from_its_first_bytes(payload, milliseconds):
    assert packet_samples(payload) == milliseconds * SAMPLE_RATE // 1000


class Line:
    """A delay line on a simulated clock, which advances from packet to packet."""

    def __init__(self, delay: float | None = 0.5) -> None:
        self.line, self.now = DelayLine(), START
        self.line.delay = delay
        self.sent: list[tuple[float, int]] = []  # send time and outgoing timestamp

    @property
    def dropped(self) -> int:
        return self.line.counters.audio_too_late

    def speak(self, packets: int, first: int = 0, *, drift: float = 0.0, jitter_s: float = 0.0, seed: int = 0) -> int:
        """Put packets every 20 ms from now on; returns the next timestamp."""
        chance, started = random.Random(seed), self.now
        for i in range(packets):
            self.run(started + i * PERIOD_S * (1 + drift) + chance.uniform(0, jitter_s))
            self.line.put(SSRC, (first + i * SAMPLES) & 0xFFFFFFFF, MS20, self.now)
        self.run(started + packets * PERIOD_S * (1 + drift))
        return first + packets * SAMPLES

    def run(self, until: float) -> None:
        while (due := self.line.due(self.now)) is not None and due <= until:
            self.now = max(self.now, due)
            self.sent.append((self.now, self.line.pop()[1]))
        self.now = max(self.now, until)

    @property
    def gaps(self) -> list[int]:
        """Gaps between sent packets, in samples."""
        times = [timestamp for _, timestamp in self.sent]
        return [later - earlier - SAMPLES for earlier, later in itertools.pairwise(times)]

    @property
    def off_ms(self) -> float:
        """Difference between the newest packet's timestamp and its send time."""
        at, timestamp = self.sent[-1]
        return abs(at - timestamp / SAMPLE_RATE) * 1000


def test_audio_is_sent_after_a_steady_delay_under_jitter():
    line = Line(delay=0.5)
    line.speak(200, first=0xFFFFFFFF - 50 * SAMPLES, jitter_s=0.1, seed=1)  # timestamps wrap
    assert not any(line.gaps)
    assert line.dropped == 0
    times = [at for at, _ in line.sent[20:]]
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) < PERIOD_S + 0.001
    assert START + 0.5 <= line.sent[0][0] < START + 0.61


def test_audio_waits_for_the_first_video_frame_and_starts_in_sync():
    line = Line(delay=None)
    line.speak(100)
    assert line.sent == []
    line.line.delay = 0.5
    line.run(line.now)
    first = line.line.due(line.now)
    assert first == pytest.approx(line.now, abs=START_TOLERANCE_S)
    assert line.dropped == pytest.approx(75, abs=1)  # of the frames sent so far


def test_a_short_increase_of_the_delay_causes_no_burst():
    """The video stalls for 3 s; the delay that this causes is dropped after a few frames."""
    line = Line(delay=0.5)
    following = line.speak(100)
    line.line.delay = 3.5
    following = line.speak(20, following)
    line.line.delay = 0.5
    line.speak(100, following)
    late = [at - timestamp / SAMPLE_RATE for at, timestamp in line.sent]
    assert max(late) < MAX_LATENESS_S + 0.001
    assert line.sent[-1][0] == pytest.approx(line.now, abs=PERIOD_S)
    assert line.dropped == pytest.approx(0.4 / PERIOD_S, abs=MAX_LATENESS_S / PERIOD_S + 2)  # only for a moment


def test_the_number_of_queued_packets_is_bounded():
    line = Line(delay=None)
    line.speak(CAPACITY + 100)
    assert len(line.line.waiting) == CAPACITY
    assert line.dropped == 100


def test_a_longer_delay_leaves_one_gap_and_a_shorter_one_drops_packets():
    line = Line(delay=0.5)
    following = line.speak(100)
    line.line.delay = 0.7
    following = line.speak(100, following)
    assert [gap for gap in line.gaps if gap] == [round(0.2 * SAMPLE_RATE)]
    assert line.off_ms < 1
    line.line.delay = 0.5
    line.speak(100, following)
    assert line.dropped == pytest.approx(10, abs=2)
    assert line.gaps.count(0) == len(line.gaps) - 1  # the packet after a dropped one takes its timestamp
    assert line.off_ms < 1
    assert line.sent[-1][0] == pytest.approx(line.now, abs=PERIOD_S)


def test_a_delay_change_within_the_tolerance_causes_no_gap():
    line = Line(delay=0.5)
    following = line.speak(100)
    line.line.delay += TOLERANCE_S * 0.9
    line.speak(15_000, following)  # five minutes
    assert not any(line.gaps)
    assert line.dropped == 0
    at, timestamp = line.sent[-1]
    assert at - timestamp / SAMPLE_RATE == pytest.approx(TOLERANCE_S * 0.9, abs=0.002)


@pytest.mark.parametrize("drift", [-1e-4, 1e-4])
def test_clock_drift_of_the_source_causes_no_gap(drift):
    line = Line(delay=0.5)
    line.speak(60_000, drift=drift)  # 20 minutes: 120 ms
    assert not any(line.gaps)
    assert line.dropped == 0
    waits = len(line.line.waiting) * PERIOD_S
    assert waits == pytest.approx(0.5, abs=0.03)


def test_a_gap_of_the_source_is_kept_and_closed_by_a_shorter_delay():
    line = Line(delay=0.5)
    following = line.speak(50)
    line.run(line.now + 0.4)
    following = line.speak(50, following + round(0.4 * SAMPLE_RATE))  # DTX: no packets during silence
    line.run(line.now + 1)
    assert [gap for gap in line.gaps if gap] == [round(0.4 * SAMPLE_RATE)]
    line.line.delay = 0.3
    line.speak(50, following + SAMPLE_RATE)
    line.run(line.now + 1)
    assert line.dropped == 0
    assert len(line.sent) == 150


@pytest.mark.parametrize("silence_s", [SILENCE_S * 1.5, 60.0])
def test_audio_resumes_at_once_after_a_pause_without_timestamp_progress(silence_s):
    line = Line(delay=0.5)
    following = line.speak(50)
    line.run(line.now + silence_s)
    started = line.now
    line.speak(50, following)
    line.run(line.now + 1)
    assert line.dropped == 0
    assert line.sent[50][0] == pytest.approx(started + 0.5, abs=0.001)
    assert line.off_ms < 1


def test_a_second_sender_is_accepted_only_after_the_first_has_ended():
    line = Line(delay=0.5)
    line.speak(50, first=12_345)
    line.line.put(SSRC + 1, 0, MS20, line.now)
    assert line.dropped == 1
    line.run(line.now + SILENCE_S + 0.1)
    line.line.put(SSRC + 1, 4_000_000_000, MS20, line.now)
    assert line.line.due(line.now) == pytest.approx(line.now + 0.5, abs=0.001)


def test_order_is_restored_and_duplicate_and_late_packets_are_dropped():
    line = Line(delay=0.5)
    for number in (0, 2, 1, 2, 3):
        line.line.put(SSRC, number * SAMPLES, MS20, START)
    line.run(START + 0.7)
    assert [timestamp - line.sent[0][1] for _, timestamp in line.sent] == [i * SAMPLES for i in range(4)]
    assert line.dropped == 1
    line.line.put(SSRC, 0, MS20, line.now)
    assert line.line.due(line.now) is None
    assert line.dropped == 2


def test_cleared_packets_are_not_sent_and_timestamps_are_monotonic():
    line = Line(delay=0.5)
    following = line.speak(50)
    line.line.clear()
    heard = len(line.sent)
    line.run(line.now + 1)
    assert len(line.sent) == heard
    line.speak(50, following)
    line.line.reset()
    line.line.delay = 0.1
    line.speak(50, first=99)
    times = [timestamp for _, timestamp in line.sent]
    assert times == sorted(times)
    assert min(line.gaps) >= 0


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.floats(0, 3), st.floats(0.05, 5)), max_size=60))
def test_any_input_is_sent_in_order_without_overlap_and_within_bounded_time(arrivals):
    line = Line()
    for timestamp, wait, delay in arrivals:
        line.run(line.now + wait)
        line.line.delay = delay
        line.line.put(SSRC, timestamp, MS20, line.now)
    line.run(line.now + 2 * MAX_JUMP_S + 10)
    assert line.line.waiting == []
    assert len(line.sent) + line.dropped == len(arrivals)
    assert all(gap >= 0 for gap in line.gaps)


def test_counts_continue_across_a_timestamp_jump():
    clock = SourceClock()
    first = clock.arrived(SSRC, 0, START)
    second = clock.arrived(SSRC, 3_000_000_000, START + 0.02)
    assert first is not None
    assert second == first + SAMPLES
    assert clock.time(second) == pytest.approx(START + 0.02)
