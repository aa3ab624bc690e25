"""The cost of dragging a slider: blocks per second of the model process with and without 60 changes per second.

`python -m benchmarks.changes [SECONDS]` runs the bundled tiny model in its own process, with a ring kept full.
"""

import multiprocessing
import sys
import time
from multiprocessing.connection import Connection

import numpy as np

from lipar_core.presets import load_preset
from lipar_core.sizes import size_name
from server import wire
from server.model_options import ModelOptions
from server.ring import FrameRing
from server.workers.entry import main as model_main

CHANGES_PER_S = 60
STREAM = load_preset("tiny").stream


def blocks_per_s(pipe: Connection, seconds: float, changes_per_s: float) -> float:
    """Open a session, keep its ring full for `seconds`, and count the blocks."""
    count = STREAM.frames_per_block
    incoming, outgoing = (FrameRing(STREAM.width, STREAM.height, count) for _ in range(2))
    session = f"{changes_per_s:.0f} changes per second, {time.monotonic()}"
    names = {"session": session, "incoming": incoming.name, "outgoing": outgoing.name}
    wire.send(pipe, wire.Open(**names, size=size_name(STREAM), parameters={}))
    planes = np.random.default_rng(0).integers(0, 256, (STREAM.height * 3 // 2, STREAM.width), dtype=np.uint8)
    started = time.monotonic()
    blocks = 0
    sent = 0
    while (passed := time.monotonic() - started) < seconds:
        if sent < passed * changes_per_s:
            changes = {"pruning": {"threshold": 5 + 0.1 * (sent % 100)}}
            wire.send(pipe, wire.Change(session=session, request=sent, changes=changes))
            sent += 1
        if incoming.put(planes, passed):
            wire.send(pipe, wire.FramesPut(session=session, total=incoming.written))
        elif not pipe.poll(1 / 500):
            continue
        while pipe.poll():
            match wire.receive_event(pipe):
                case wire.BlockDone(session=name) if name == session:  # not a late event of the previous session
                    blocks += 1
                case wire.FramesTaken(session=name, total=total) if name == session:
                    incoming.set_read(total)
                case wire.FramesPut(session=name, total=total) if name == session:
                    outgoing.read = total
                    wire.send(pipe, wire.FramesTaken(session=session, total=total))
    wire.send(pipe, wire.Close(session=session))
    incoming.close()
    outgoing.close()
    return blocks / seconds


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    context = multiprocessing.get_context("spawn")
    pipe, child_pipe = context.Pipe()
    process = context.Process(
        target=model_main, args=(child_pipe, ModelOptions(preset="tiny", device="cpu", threads=2)), daemon=True
    )
    process.start()
    while not isinstance(wire.receive_event(pipe), wire.Ready):
        pass
    results = [(rate, blocks_per_s(pipe, seconds, rate)) for _ in range(3) for rate in (0.0, CHANGES_PER_S)]
    plain, busy = ([blocks for rate, blocks in results if rate == rate_per_s] for rate_per_s in (0.0, CHANGES_PER_S))
    for changes_per_s, rates in ((0, plain), (CHANGES_PER_S, busy)):
        print(f"{changes_per_s} changes per second: {', '.join(f'{rate:.1f}' for rate in rates)} blocks per second")
    print(f"ratio {sum(busy) / sum(plain):.3f}")
    wire.send(pipe, wire.Stop())
    process.join()


if __name__ == "__main__":
    main()
