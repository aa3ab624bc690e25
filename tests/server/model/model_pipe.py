"""The web process's end of a pipe to a model loop in this process, with small random models."""

import multiprocessing
import threading
import time

import torch

from lipar_core.sizes import size_name
from server import wire
from server.model.loop import ModelLoop
from server.ring import FrameRing
from tests.tiny import RandomText, tiny_preset

PRESET = tiny_preset(block_frames=1)
SIZE = PRESET.stream.width, PRESET.stream.height, PRESET.stream.frames_per_block
TIMEOUT_S = 30.0


class Web:
    """The web process's end of the pipe: sends commands and records events."""

    def __init__(self, models) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        self.worker = ModelLoop(theirs, models)
        self.rings: dict[str, tuple[FrameRing, FrameRing]] = {}
        self.received: list[wire.Event] = []
        self.requests = 0

    def open(self, name: str, **parameters: object) -> None:
        self.rings[name] = FrameRing(*SIZE), FrameRing(*SIZE)
        incoming, outgoing = self.rings[name]
        names = {"session": name, "incoming": incoming.name, "outgoing": outgoing.name}
        wire.send(self.pipe, wire.Open(**names, size=size_name(PRESET.stream), parameters=parameters))

    def put_block(self, name: str) -> None:
        incoming, outgoing = self.rings[name]
        outgoing.read = outgoing.written  # the edited frames are not used
        incoming.read = incoming.written
        for i in range(SIZE[2]):
            incoming.put(torch.full((SIZE[1] * 3 // 2, SIZE[0]), 90, dtype=torch.uint8).numpy(), float(i))
        wire.send(self.pipe, wire.FramesPut(session=name, total=incoming.written))

    def change(self, name: str, **changes: object) -> int:
        self.requests += 1
        wire.send(self.pipe, wire.Change(session=name, request=self.requests, changes=changes))
        return self.requests

    def run_once(self) -> list[wire.Event]:
        """Run one iteration of the loop; returns the events that it sent."""
        self.worker.run_once()
        new = []
        while self.pipe.poll():
            message = wire.receive_event(self.pipe)
            new.append(message)
            if isinstance(message, wire.FramesPut):
                self.rings[message.session][1].set_written(message.total)
                self.rings[message.session][1].read = message.total
                wire.send(self.pipe, wire.FramesTaken(session=message.session, total=message.total))
        self.received += new
        return new

    def run_until(self, kind: type, **fields: object):
        """Run the loop until it has sent such an event; returns the event."""
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            for message in self.run_once():
                if isinstance(message, kind) and all(getattr(message, k) == v for k, v in fields.items()):
                    return message
        raise AssertionError(f"no {kind.__name__} {fields} within {TIMEOUT_S:.0f} s: {self.received}")

    def close(self) -> None:
        for name in list(self.worker.sessions):
            self.worker.close_session(name)
        for rings in self.rings.values():
            for ring in rings:
                ring.close()


class BlockingText(RandomText):
    """A text encoder that waits for the test before each prompt."""

    def __init__(self) -> None:
        super().__init__(PRESET.transformer.text_length, PRESET.transformer.text_dim)
        self.encoded: list[str] = []
        self.allowed = threading.Semaphore(0)

    def encode(self, prompt: str) -> torch.Tensor:
        self.encoded.append(prompt)
        assert self.allowed.acquire(timeout=TIMEOUT_S)
        if "broken" in prompt:
            raise RuntimeError("encoding failed")
        return super().encode(prompt)


def opened(web, *names: str) -> None:
    for name in names:
        web.open(name, prompt="a")
        web.run_until(wire.PromptEncoded, session=name)


def blocks(messages) -> list[str]:
    return [message.session for message in messages if isinstance(message, wire.BlockDone)]
