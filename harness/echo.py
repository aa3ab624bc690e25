"""A model process that only inverts frames, to measure the transport's latency.

`python -m harness.echo --port 8000` serves with it. It never imports torch, like the real web process.
"""

import argparse
import signal
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from harness.impaired_link import ImpairedLink, impair_all
from harness.local import ROOT
from lipar_core.acknowledgement import Acknowledgement, PromptTokens
from lipar_core.config import Preset
from lipar_core.parameter_changes import merge
from lipar_core.parameters import Parameters
from lipar_core.parsing import parse
from lipar_core.presets import load_preset
from lipar_core.sizes import stream_at
from server import wire
from server.model_options import ModelOptions
from server.ring import FrameRing
from server.run import serve
from server.settings import is_loopback
from server.settings_sources import load_settings

HEARTBEAT_S = 1.0
TOKENS = PromptTokens(used=1, given=1)
TOKEN = 16  # pixels of a token's side


@dataclass(frozen=True, slots=True)
class Echo:
    """The entry point of a model process without a model."""

    block_s: float = 0.0  # duration of a block
    whole_blocks: bool = False  # else every frame is returned at once
    room: int = 100  # sessions that fit in its memory

    def __call__(self, pipe: Connection, options: ModelOptions) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        loop = _EchoLoop(pipe, self, load_preset(options.preset))
        wire.send(pipe, wire.Ready(load_ms=0.0, warmup_ms=0.0, block_ms=1000 * self.block_s, dtype="float32"))
        try:
            while loop.running:
                loop.turn()
        except (EOFError, BrokenPipeError):
            pass  # the web process is gone
        finally:
            for name in list(loop.rings):
                loop.drop(name)


class _EchoLoop:
    def __init__(self, pipe: Connection, echo: Echo, preset: Preset) -> None:
        self.pipe = pipe
        self.echo = echo
        self.preset = preset
        self.rings: dict[str, tuple[FrameRing, FrameRing]] = {}
        self.parameters: dict[str, Parameters] = {}
        self.with_masks: set[str] = set()  # sessions whose keep masks are wanted
        self.blocks = 0
        self.running = True
        self.sent_at = time.monotonic()

    def turn(self) -> None:
        wait = 0.0 if self.ready() else HEARTBEAT_S
        while self.pipe.poll(wait):
            self.handle(wire.receive_command(self.pipe))
            wait = 0.0
        for name in self.ready():
            self.invert(name, *self.rings[name])
        if time.monotonic() - self.sent_at > HEARTBEAT_S:
            self.send(wire.Heartbeat())

    def ready(self) -> list[str]:
        rings = {name: incoming for name, (incoming, _) in self.rings.items()}
        return [name for name, ring in rings.items() if ring.has_block or (len(ring) and not self.echo.whole_blocks)]

    def invert(self, name: str, incoming: FrameRing, outgoing: FrameRing) -> None:
        started = time.perf_counter()
        queue_ms = (time.monotonic() - incoming.block_pts) * 1000
        planes, pts = incoming.take(incoming.frames_per_block if self.echo.whole_blocks else 1)
        self.send(wire.FramesTaken(session=name, total=incoming.read))
        inverted = 255 - planes
        put = [outgoing.put(frame, stamp) for frame, stamp in zip(inverted, pts, strict=True)]
        time.sleep(max(0.0, self.echo.block_s - (time.perf_counter() - started)))
        self.send(wire.FramesPut(session=name, total=outgoing.written))
        self.blocks += 1
        edit_ms = (time.perf_counter() - started) * 1000
        counts = {"block": self.blocks, "frames": sum(put), "dropped": len(put) - sum(put), "keep_ratio": 1.0}
        times = {"queue_ms": queue_ms, "edit_ms": edit_ms, "stage_ms": {"denoise": edit_ms}}
        wanted = zip(inverted, pts, strict=True) if name in self.with_masks else ()
        masks = [wire.FrameMask(pts=stamp, bits=np.packbits(bright_tokens(frame)).tobytes()) for frame, stamp in wanted]
        self.send(wire.BlockDone(session=name, masks=masks, **times, **counts))

    def handle(self, message: wire.Command) -> None:
        match message:
            case wire.Open():
                self.drop(message.session)
                if len(self.rings) >= self.echo.room:
                    self.send(wire.SessionFailed(session=message.session, reason="out of memory on cuda"))
                    return
                stream = stream_at(self.preset, message.size)
                size = stream.width, stream.height, stream.frames_per_block
                try:
                    rings = FrameRing(*size, message.incoming), FrameRing(*size, message.outgoing)
                except FileNotFoundError:
                    return  # the session has ended
                self.rings[message.session] = rings
                self.parameters[message.session] = parse(message.parameters, Parameters)
                self.send_keep_masks(message.session, message.keep_masks)
                self.send(wire.Opened(session=message.session))
                self.send(wire.PromptEncoded(session=message.session, tokens=TOKENS))
            case wire.FramesPut():
                if rings := self.rings.get(message.session):
                    rings[0].set_written(message.total)
            case wire.FramesTaken():
                if rings := self.rings.get(message.session):
                    rings[1].set_read(message.total)
            case wire.Close():
                self.drop(message.session)
            case wire.SendKeepMasks():
                self.send_keep_masks(message.session, message.enabled)
            case wire.Change() if message.session in self.parameters:
                self.change(message)
            case wire.Stop():
                self.running = False

    def change(self, message: wire.Change) -> None:
        changes = {name: value for name, value in message.changes.items() if name != "reset"}
        parameters = self.parameters[message.session] = merge(self.parameters[message.session], changes)
        acknowledgement = Acknowledgement(
            block=self.blocks, parameters=parameters, pending=parameters.paused, prompt_tokens=TOKENS
        )
        fields = {"session": message.session, "request": message.request}
        self.send(wire.ChangeAcknowledged(acknowledgement=acknowledgement, **fields))

    def send_keep_masks(self, name: str, enabled: bool) -> None:
        (self.with_masks.add if enabled else self.with_masks.discard)(name)

    def drop(self, name: str) -> None:
        self.parameters.pop(name, None)
        self.with_masks.discard(name)
        for ring in self.rings.pop(name, ()):
            ring.close()

    def send(self, message: wire.Event) -> None:
        wire.send(self.pipe, message)
        self.sent_at = time.monotonic()


def bright_tokens(planes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The keep mask that stands for the detector's: planes [H * 3 / 2, W] -> [H / 16, W / 16], True where bright."""
    luma = planes[: planes.shape[0] * 2 // 3]
    tokens = luma.reshape(luma.shape[0] // TOKEN, TOKEN, luma.shape[1] // TOKEN, TOKEN)
    return np.asarray(tokens.mean(axis=(1, 3)) > 127)


def write_preset(folder: Path, *, width: int = 832, height: int = 480, block_frames: int = 1) -> Path:
    """A preset of this size and of the same one upright; its weights are never read."""
    tree = yaml.safe_load((ROOT / "configs" / "tiny.yaml").read_text(encoding="utf-8"))
    size = {"width": width, "height": height, "sizes": [[width, height], [height, width]]}
    tree["stream"] |= size | {"block_frames": block_frames}
    path = folder / f"echo_{width}x{height}_{block_frames}.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--size", default="832x480", help="of the picture, WIDTHxHEIGHT")
    parser.add_argument("--block-frames", type=int, default=1, help="latent frames in a block")
    parser.add_argument(
        "--block-s", type=float, help="duration of a block in seconds; if not given, every frame is returned at once"
    )
    parser.add_argument("--loss-in", type=float, default=0.0, help="loss ratio of packets from the browser, 0..1")
    parser.add_argument("--loss-out", type=float, default=0.0, help="loss ratio of packets from the server, 0..1")
    arguments = parser.parse_args()
    impair_all(ImpairedLink(arguments.loss_in, seed=1), ImpairedLink(arguments.loss_out, seed=2))
    with tempfile.TemporaryDirectory() as folder:
        width, height = map(int, arguments.size.split("x"))
        preset = write_preset(Path(folder), width=width, height=height, block_frames=arguments.block_frames)
        host, port = arguments.host, arguments.port
        flags: dict[str, object] = {"host": host, "port": port, "preset": str(preset), "max_sessions": 4}
        if not is_loopback(host):
            flags |= {"insecure": True, "no_auth": True}
        serve(load_settings(flags), Echo(arguments.block_s or 0.0, whole_blocks=arguments.block_s is not None))


if __name__ == "__main__":
    main()
