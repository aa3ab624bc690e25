"""The pipe to a model process: events in order, silence, and its end."""

import asyncio
import multiprocessing

import pytest

from server import wire
from server.workers.deadline import Deadline
from server.workers.link import Link

READY = wire.Ready(load_ms=2.0, warmup_ms=1.0, block_ms=1.0, dtype="float32")


@pytest.fixture
async def ends():
    """The link, and the model process's end of its pipe."""
    ours, theirs = multiprocessing.Pipe()
    link = Link(ours, Deadline(load_timeout_s=60.0, hang_timeout_s=0.05))
    yield link, theirs
    link.close()
    theirs.close()


async def test_a_report_of_what_has_been_read_already_does_not_block_the_event_loop(ends):
    link, model = ends
    wire.send(model, READY)
    assert isinstance(await link.receive(), wire.Ready)
    link._readable.set()  # as the loop does when it looked before the event was read
    receiving = asyncio.create_task(link.receive())
    await asyncio.sleep(0)
    wire.send(model, wire.Heartbeat())
    assert isinstance(await receiving, wire.Heartbeat)


async def test_silence_is_an_error_once_the_model_is_loaded(ends):
    link, model = ends
    wire.send(model, READY)
    await link.receive()
    with pytest.raises(TimeoutError):
        await link.receive()


async def test_reports_of_progress_extend_the_time_to_load():
    ours, theirs = multiprocessing.Pipe()
    link = Link(ours, Deadline(load_timeout_s=0.03, hang_timeout_s=None))

    async def load():
        for percent in range(5):
            await asyncio.sleep(0.02)
            wire.send(theirs, wire.Loading(activity=f"{percent} %"))

    loading = asyncio.create_task(load())
    assert [(await link.receive()).activity for _ in range(5)] == ["0 %", "1 %", "2 %", "3 %", "4 %"]
    await loading
    with pytest.raises(TimeoutError):
        await link.receive()
    link.close()
    theirs.close()


async def test_what_a_process_has_sent_before_its_end_is_received(ends):
    link, model = ends
    wire.send(model, READY)
    model.close()
    assert isinstance(await link.receive(), wire.Ready)
    with pytest.raises(EOFError):
        await link.receive()
    assert not link.send(wire.Stop())
