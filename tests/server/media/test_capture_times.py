"""Capture times follow frames through the server."""

from server.media.capture_times import NTP_EPOCH_S, CaptureTimes


def sent_times(times: CaptureTimes, *stamps: float) -> list[tuple[int, float]]:
    sent: list[tuple[int, float]] = []
    times.on_sent = lambda pts, captured_s: sent.append((pts, captured_s))
    for number, stamp in enumerate(stamps):
        times.sent(stamp, number)
    return sent


def test_an_edited_frame_has_the_capture_time_of_its_source_frame() -> None:
    times = CaptureTimes()
    for stamp in (1.0, 2.0, 3.0):
        times.received(stamp, NTP_EPOCH_S + 100 + stamp)
    assert sent_times(times, 2.0, 3.0) == [(0, 102.0), (1, 103.0)]


def test_a_repeated_frame_has_that_of_the_frame_before() -> None:
    times = CaptureTimes()
    times.received(1.0, NTP_EPOCH_S + 100)
    assert sent_times(times, 1.5) == [(0, 100.0)]


def test_frames_before_the_first_sender_report_have_none() -> None:
    times = CaptureTimes()
    times.received(1.0, None)
    assert sent_times(times, 1.0) == []


def test_memory_is_bounded() -> None:
    times = CaptureTimes()
    for number in range(10_000):
        times.received(float(number), NTP_EPOCH_S + number)
    assert sent_times(times, 10.0) == []
    assert sent_times(times, 9999.0) == [(0, 9999.0)]
