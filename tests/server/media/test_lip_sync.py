"""Skew between video and audio, by RTCP sender reports."""

import pytest

from server.media.audio.lip_sync import MAX_SKEW_S, VIDEO_RATE, LipSync, SenderReportClock
from server.media.audio.opus import SAMPLE_RATE

START = 1000.0  # of the monotonic clock


def report_both(sync: LipSync, after_s: float, speed: float = 1.0) -> None:
    """One report of each stream, by a source whose clock has this speed; sound takes 30 ms, pictures take 150 ms."""
    sync.video.report(5000.0 + after_s, (0xFFFFFFFF + round(speed * after_s * VIDEO_RATE)) & 0xFFFFFFFF)
    sync.add_audio_report(5000.0 + after_s, round(speed * after_s * SAMPLE_RATE), START + speed * after_s + 0.030)
    for i in range(40):
        captured_at = after_s + i / 30
        timestamp = (0xFFFFFFFF + round(speed * captured_at * VIDEO_RATE)) & 0xFFFFFFFF
        sync.add_frame(timestamp, START + speed * captured_at + 0.150)


def test_sender_reports_give_the_video_skew():
    sync = LipSync()
    assert sync.skew == 0.0
    report_both(sync, 0.0)
    assert sync.skew == 0.0  # no second report to compare with yet
    report_both(sync, 1.0)
    assert sync.skew == pytest.approx(0.120, abs=0.001)
    for after_s in (2.0, 3.0, 4.0, 5.0, 6.0):
        sync.video.report(5000.0 + after_s, (0xFFFFFFFF + round(after_s * VIDEO_RATE)) & 0xFFFFFFFF)
        sync.add_audio_report(5000.0 + after_s + 3 * MAX_SKEW_S, round(after_s * SAMPLE_RATE), START + after_s)
    assert sync.skew == 0.0  # implausible reports are ignored


@pytest.mark.parametrize("speed", [2.0, 1.1, 0.5])
def test_inconsistent_sender_reports_are_ignored(speed):
    """webrtcbin without a pipeline latency: timestamps at twice the speed of the media."""
    sync = LipSync()
    for after_s in (0.0, 0.6, 4.8, 7.4):
        report_both(sync, after_s, speed)
        assert sync.skew == 0.0


def test_a_clock_without_a_report_has_no_time():
    assert SenderReportClock(VIDEO_RATE).time(0) is None
