"""Stops that Python drops, or that a library has turned into another error."""

import argparse
import gc
import signal
import sys
import time
import weakref
from collections.abc import Callable

import pytest

from lipar_cli import main as entry_point
from lipar_cli.stop_signals import stop_like_ctrl_c
from lipar_core.errors import CheckpointError

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def handlers():
    before = {number: signal.getsignal(number) for number in NUMBERS}
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def run_command(handlers, monkeypatch):
    """Runs a function as a command; returns its exit code."""

    def run_command(run: Callable[[argparse.Namespace], int]) -> int:
        monkeypatch.setattr(entry_point, "parse_arguments", lambda _: argparse.Namespace(run=run, debug=False))
        return entry_point.main()

    return run_command


@pytest.mark.parametrize("error", [ValueError("no shape"), CheckpointError("damaged")])
def test_an_error_after_a_stop_is_a_stop(run_command, capsys, error):
    def run(args: argparse.Namespace) -> int:
        stop_like_ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        raise error

    assert run_command(run) == 130
    assert capsys.readouterr().err == "stopped\n"


def test_an_error_without_a_stop_is_an_error(run_command):
    def run(args: argparse.Namespace) -> int:
        stop_like_ctrl_c()
        raise ValueError("no shape")

    with pytest.raises(ValueError, match="shape"):
        run_command(run)


class StoppedInDestructor:
    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        signal.raise_signal(self.number)


def stop_in_destructor(number: int) -> None:
    StoppedInDestructor(number)


def stop_in_weak_reference(number: int) -> None:
    target = type("Target", (), {})()
    reference = weakref.ref(target, lambda _: signal.raise_signal(number))
    del target
    assert reference() is None


def stop_in_garbage_collection(number: int) -> None:
    def callback(phase: str, info: dict[str, int]) -> None:
        gc.callbacks.remove(callback)
        signal.raise_signal(number)

    gc.callbacks.append(callback)
    gc.collect()


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("stop", [stop_in_destructor, stop_in_weak_reference, stop_in_garbage_collection])
def test_a_stop_that_python_drops_is_sent_again(run_command, capsys, stop, number):
    hook = sys.unraisablehook

    def run(args: argparse.Namespace) -> int:
        stop_like_ctrl_c()
        stop(number)
        time.sleep(10)
        return 0

    assert run_command(run) == 130
    assert capsys.readouterr().err == "stopped\n"
    assert sys.unraisablehook is hook


def test_ctrl_c_of_other_commands_is_sent_again_too(run_command, capsys):
    def run(args: argparse.Namespace) -> int:
        stop_in_destructor(signal.SIGINT)  # raised when the command has already returned
        return 0

    assert run_command(run) == 130
    assert capsys.readouterr().err == "stopped\n"


def test_other_errors_in_destructors_are_reported(run_command, monkeypatch):
    reported = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: reported.append(unraisable.exc_type))

    class Broken:
        def __del__(self) -> None:
            raise ValueError("broken")

    def run(args: argparse.Namespace) -> int:
        Broken()
        return 0

    assert run_command(run) == 0
    assert reported == [ValueError]
