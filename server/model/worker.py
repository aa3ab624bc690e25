"""The model process's loop: one thread that touches the device, sessions take turns by block."""

import logging
import time
from multiprocessing.connection import Connection

import torch

from lipar_core.config import load_preset
from lipar_core.errors import LiparError, ParameterError
from lipar_core.models import Models, load_models
from lipar_core.parameters import to_dict
from lipar_core.session import EditSession
from server import wire
from server.model.live_session import LiveSession

log = logging.getLogger(__name__)

BEAT_S = 1.0  # a message at least so often


class Worker:
    """Answers messages between blocks and gives each session with a whole block its turn."""

    def __init__(self, pipe: Connection, models: Models) -> None:
        self.pipe, self.models = pipe, models
        self.sessions: dict[str, LiveSession] = {}
        self.turns: list[str] = []  # whose turn it is, in order
        self.running = True
        self.said = time.monotonic()

    def run(self) -> None:
        """Until told to stop, or until the web process is gone."""
        try:
            while self.running:
                wait = 0.0 if self.next_turn() else BEAT_S
                while self.pipe.poll(wait):
                    self.answer(wire.receive_down(self.pipe))
                    wait = 0.0
                if name := self.next_turn():
                    self.turns.append(self.turns.pop(self.turns.index(name)))
                    self.step(name)
                if time.monotonic() - self.said > BEAT_S:
                    self.say(wire.Beat())
        except (EOFError, BrokenPipeError):
            log.info("the web process is gone")
        finally:
            for name in list(self.sessions):
                self.drop(name)

    def next_turn(self) -> str | None:
        """Whose block is edited next."""
        return next((name for name in self.turns if self.sessions[name].ready), None)

    def answer(self, message: wire.Down) -> None:
        match message:
            case wire.Open():
                self.open(message)
            case wire.Close():
                self.drop(message.session)
            case wire.Change():
                self.change(message)
            case wire.FramesPut():
                if session := self.sessions.get(message.session):
                    session.incoming.note_written(message.total)
            case wire.FramesTaken():
                if session := self.sessions.get(message.session):
                    session.outgoing.note_read(message.total)
            case wire.Stop():
                self.running = False

    def open(self, message: wire.Open) -> None:
        self.drop(message.session)
        try:
            session = LiveSession(self.models, message, self.say)
        except FileNotFoundError:  # its rings are gone: it ended while a block was in the making
            log.info("session %s ended before it began", message.session)
        else:
            self.sessions[message.session] = session
            self.turns.append(message.session)

    def change(self, message: wire.Change) -> None:
        session = self.sessions.get(message.session)
        if session is None:
            return
        try:
            done = session.edit.update(message.changes)
        except ParameterError as error:
            refusal = {"path": error.path, "value": repr(error.value), "allowed": error.allowed}
            self.say(wire.Refused(session=message.session, request=message.request, **refusal))
        else:
            self.say(
                wire.Changed(
                    session=message.session,
                    request=message.request,
                    block=done.block,
                    parameters=to_dict(done.parameters),
                    pending=done.pending,
                )
            )

    def step(self, name: str) -> None:
        try:
            done = self.sessions[name].step()
        except torch.OutOfMemoryError as error:
            self.fail(name, f"out of memory on {self.models.device}: {str(error).splitlines()[0]}")
        except torch.AcceleratorError:
            raise  # the device is lost: only a new process can use it again
        except Exception as error:  # a session's fault must not take the others with it
            log.exception("session %s failed", name)
            self.fail(name, f"{type(error).__name__}: {error}")
        else:
            self.say(done)

    def fail(self, name: str, reason: str) -> None:
        self.drop(name)
        self.say(wire.SessionFailed(session=name, reason=reason))

    def drop(self, name: str) -> None:
        session = self.sessions.pop(name, None)
        if session is not None:
            self.turns.remove(name)
            session.close()

    def say(self, message: wire.Up) -> None:
        wire.send(self.pipe, message)
        self.said = time.monotonic()


def work(pipe: Connection, preset: str, device: str | None, threads: int | None) -> None:
    """Entry of the model process: load, warm up, say so, and work."""
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        models = load_models(load_preset(preset), device)
    except LiparError as error:
        wire.send(pipe, wire.NotLoaded(reason=str(error)))
        return
    wire.send(pipe, wire.Ready(warmup_ms=warm_up(models)))
    Worker(pipe, models).run()


def warm_up(models: Models) -> float:
    """Edit two blocks, so that the first viewer does not wait for kernels to be chosen; returns milliseconds."""
    began = time.perf_counter()
    stream = models.preset.stream
    count = 2 * stream.frames_per_block
    session: EditSession[int] = EditSession(models)
    session.push(torch.rand(count, 3, stream.height, stream.width), range(count))
    return (time.perf_counter() - began) * 1000
