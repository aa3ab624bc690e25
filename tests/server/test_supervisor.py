"""Errors of tasks are reported."""

import asyncio

from server.supervisor import Supervisor


async def fail() -> None:
    await asyncio.sleep(0)
    raise ValueError("broken")


async def wait() -> None:
    await asyncio.Event().wait()


async def test_the_owner_is_notified_once_of_an_error_only():
    told: list[str] = []
    supervisor = Supervisor(told.append)
    supervisor.start(asyncio.sleep(0), "returns")
    supervisor.start(wait(), "cancelled").cancel()
    supervisor.start(fail(), "receive video")
    await supervisor.finish()
    assert told == ["an internal error: receive video: ValueError: broken"]
    assert len(supervisor) == 0


async def test_stop_waits_for_all_tasks_but_the_one_that_calls_it():
    supervisor = Supervisor(lambda reason: None)
    waiting = supervisor.start(wait(), "wait")
    stopping = supervisor.start(supervisor.stop(), "stop")
    await asyncio.wait_for(stopping, 5)
    assert waiting.cancelled()
    assert len(supervisor) == 0
