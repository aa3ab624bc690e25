"""The target bitrate by bandwidth estimates and packet loss."""

import numpy as np

from server.media.rate_control import HIGH_LOSS, RateControl


def test_the_rate_follows_the_browser_s_estimate_within_its_bounds():
    control = RateControl(1_500_000, 250_000, 6_000_000)
    assert control.target == 1_500_000
    for estimate, target in ((3_000_000, 3_000_000), (9_000_000, 6_000_000), (1_000, 250_000)):
        control.on_remb(estimate)
        assert control.target == target


def test_low_random_loss_does_not_lower_the_rate():
    control, rng = RateControl(1_500_000, 250_000, 6_000_000), np.random.default_rng(0)
    control.on_remb(4_000_000)
    for _ in range(200):
        control.on_receiver_report(rng.binomial(100, 0.03) / 100)
    assert control.target == 4_000_000


def test_several_high_loss_reports_lower_the_rate_and_one_does_not():
    control = RateControl(1_500_000, 250_000, 6_000_000)
    control.on_remb(2_000_000)
    control.on_receiver_report(0.2)
    assert control.target == 2_000_000
    for _ in range(6):
        control.on_receiver_report(0.2)
    lowered = control.target
    assert 250_000 <= lowered < 1_500_000
    for _ in range(3):
        control.on_receiver_report(HIGH_LOSS - 0.01)
    assert control.target == lowered  # between the two loss ratios: the limit stays
    for _ in range(60):
        control.on_receiver_report(0.0)
    assert control.target == 2_000_000  # up to the estimate at most


def test_severe_loss_lowers_the_rate_at_once():
    control = RateControl(1_500_000, 250_000, 6_000_000)
    control.on_remb(2_000_000)
    control.on_receiver_report(0.6)
    assert control.target == 800_000


def test_the_rate_never_falls_below_its_minimum():
    control = RateControl(1_500_000, 250_000, 6_000_000)
    for _ in range(50):
        control.on_receiver_report(1.0)
    assert control.target == 250_000
