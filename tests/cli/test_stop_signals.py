"""Stops that a library has turned into another error."""

import argparse
import signal

import pytest

from lipar_cli import main as entry_point
from lipar_cli.stop_signals import stop_like_ctrl_c

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def handlers():
    before = {number: signal.getsignal(number) for number in NUMBERS}
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("is_stopped", [True, False])
def test_an_error_after_a_stop_is_a_stop(handlers, monkeypatch, capsys, is_stopped):
    def run(args: argparse.Namespace) -> int:
        stop_like_ctrl_c()
        if is_stopped:
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)
        raise ValueError("could not determine the shape")

    monkeypatch.setattr(entry_point, "parse_arguments", lambda _: argparse.Namespace(run=run, debug=False))
    if is_stopped:
        assert entry_point.main() == 130
        assert capsys.readouterr().err == "stopped\n"
    else:
        with pytest.raises(ValueError, match="shape"):
            entry_point.main()
