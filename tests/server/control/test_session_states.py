"""Invariants of sessions under concurrent requests in any order."""

import asyncio
import itertools
import tempfile
from pathlib import Path
from typing import ClassVar

import hypothesis.strategies as st
import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import server.control.registry
import server.control.session_handle
import server.media.frame_pipeline
import server.workers.pool
from harness.echo import write_preset
from lipar_core.errors import ParameterError
from lipar_core.presets import load_preset
from server.control.registry import SessionRegistry
from server.errors import ServerError
from server.ring import SHARED_MEMORY, FrameRing
from server.settings import Settings
from tests.server.control.fake_peer import BAD, GOOD, FakePeer, install_fakes

MAX_SESSIONS, MAX_VIEWERS = 2, 2
NAMES = st.sampled_from(["studio", "stage", "attic"])
OFFERS = st.sampled_from([GOOD, GOOD, GOOD, BAD])
TURNS = st.integers(0, 6)  # of the event loop
REQUESTS = ("create", "resume", "publish", "publish_changed", "unpublish", "watch", "leave", "park", "close", "change")
MISHAPS = ("lose", "lose_viewer", "fail", "end_model", "hang_model", "restart_model", "fill_memory")
STEPS = st.tuples(st.sampled_from(REQUESTS * 2 + MISHAPS), NAMES, OFFERS, TURNS)
REJECTIONS = (ServerError, ParameterError)

PATCH = pytest.MonkeyPatch()


class ListedRing(FrameRing):
    """Records that it was created."""

    names: ClassVar[list[str]] = []

    def __init__(self, *size: int) -> None:
        super().__init__(*size)
        self.names.append(self.name)


class SessionMachine(RuleBasedStateMachine):
    """Up to four concurrent requests and failures, each delayed by some iterations of the event loop."""

    def __init__(self) -> None:
        super().__init__()
        install_fakes(PATCH)
        PATCH.setattr(server.media.frame_pipeline, "FrameRing", ListedRing)
        ListedRing.names.clear()
        FakePeer.all.clear()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        preset = write_preset(Path(self.folder.name), width=32, height=16)
        settings = Settings(preset=str(preset), max_sessions=MAX_SESSIONS, max_viewers=MAX_VIEWERS)
        self.sessions = SessionRegistry(settings, load_preset(str(preset)), lambda *_: None)
        (self.worker,) = self.sessions.pool.workers
        self.seeds = itertools.count(1)
        self.rejected_seeds: set[int] = set()

    async def create(self, name: str, sdp: str) -> None:
        seed = next(self.seeds)
        await self.rejectable(seed, self.sessions.create(sdp, {"seed": seed}, name=name))

    async def resume(self, name: str, sdp: str) -> None:
        await self.sessions.get(name).connect(sdp)

    async def publish(self, name: str, sdp: str) -> None:
        await self.sessions.publish(sdp, {}, name)

    async def publish_changed(self, name: str, sdp: str) -> None:
        await self.sessions.publish(sdp, {"prompt": " " if sdp == BAD else "an old film"}, name)

    async def unpublish(self, name: str, _: str) -> None:
        await self.sessions.unpublish(name)

    async def watch(self, name: str, sdp: str) -> None:
        handle = self.sessions.get(name)
        handle.frames.has_output = True
        await handle.watch(sdp)

    async def leave(self, name: str, _: str) -> None:
        viewers = self.sessions.get(name).viewers
        await viewers.leave(next(iter(viewers.peers), "nobody"))

    async def park(self, name: str, _: str) -> None:
        await self.sessions.get(name).park()

    async def close(self, name: str, _: str) -> None:
        await self.sessions.close(self.sessions.get(name).id)

    async def change(self, name: str, _: str) -> None:
        seed = next(self.seeds)
        await self.rejectable(seed, self.sessions.get(name).update({"seed": seed}))

    async def rejectable(self, seed: int, request) -> None:
        try:
            await request
        except REJECTIONS:
            self.rejected_seeds.add(seed)
            raise

    async def lose(self, name: str, _: str) -> None:
        if (peer := self.sessions.get(name).peer) is not None:
            peer.on_closed("lost")

    async def lose_viewer(self, name: str, _: str) -> None:
        for peer in self.sessions.get(name).viewers.peers.values():
            peer.on_closed("lost")
            break

    async def fail(self, name: str, _: str) -> None:
        self.sessions.get(name).fail("a fault")

    async def end_model(self, *_: str) -> None:
        if self.worker.state == "ready":
            self.worker.end("the model process ended unexpectedly")

    async def hang_model(self, *_: str) -> None:
        self.worker.hangs = True
        for _turn in range(8):
            await asyncio.sleep(0)
        await self.end_model()

    async def restart_model(self, *_: str) -> None:
        if self.worker.state == "loading":
            self.worker.restart()

    async def fill_memory(self, *_: str) -> None:
        self.worker.room = 1 if self.worker.room > 1 else 100

    async def later(self, kind: str, name: str, sdp: str, turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        await getattr(self, kind)(name, sdp)

    async def all_at_once(self, steps) -> list[BaseException | None]:
        """Every request is answered or rejected; any other exception is an error."""
        requests = (self.later(*step) for step in steps)
        results = await asyncio.wait_for(asyncio.gather(*requests, return_exceptions=True), 5)
        assert not [result for result in results if result is not None and not isinstance(result, REJECTIONS)]
        for handle in self.sessions.handles.values():
            await handle.tasks.finish(handle._checks)
        await self.sessions.tasks.finish()
        for _ in range(4):  # events of the model process meanwhile
            await asyncio.sleep(0)
        return results

    @rule(steps=st.lists(STEPS, min_size=1, max_size=4), turns=TURNS)
    def some_at_once(self, steps, turns):
        FakePeer.delay_turns, before = turns, self.snapshot()
        results = self.loop.run_until_complete(self.all_at_once(steps))
        if all(results):  # each was rejected
            assert self.snapshot() == before

    @rule(name=NAMES, turns=TURNS)
    def two_at_once_of_everything(self, name, turns):
        """Regressions: pairs of concurrent requests, in every state of the session."""
        for kind in ("create", "resume", "publish", "park", "close"):
            self.some_at_once([(kind, name, GOOD, 0), (kind, name, GOOD, turns)], turns)

    def snapshot(self) -> dict[str, object]:
        """A rejected request changes nothing."""
        return {
            name: (handle, handle.phase.name, handle.peer, set(handle.viewers.peers), handle.parameters)
            for name, handle in self.sessions.handles.items()
        }

    @invariant()
    def never_more_than_there_are_slots(self):
        assert len(self.sessions.handles) <= MAX_SESSIONS
        assert all(len(handle.viewers) <= MAX_VIEWERS for handle in self.sessions.handles.values())

    @invariant()
    def every_open_peer_is_known_and_each_session_has_one_at_most(self):
        known = []
        for handle in self.sessions.handles.values():
            known += [handle.peer] if handle.peer is not None else []
            known += handle.viewers.peers.values()
            assert (handle.phase.name == "parked") <= (handle.peer is None)
        assert {peer.id for peer in FakePeer.all if peer.open} == {peer.id for peer in known}
        assert all(peer.answered for peer in known)

    @invariant()
    def the_model_process_has_the_sessions_that_go_on_and_no_others(self):
        alive = {handle.model.key for handle in self.sessions.handles.values() if handle.phase.name != "failed"}
        known = set(self.worker.opened)
        failed = {handle.model.key for handle in self.sessions.handles.values() if handle.phase.name == "failed"}
        assert known - failed == (alive if self.worker.state == "ready" else set())

    @invariant()
    def what_the_server_says_holds_in_the_model_process(self):
        for handle in self.sessions.handles.values():
            if handle.model.key in self.worker.opened and handle.phase.name != "failed":
                assert self.worker.opened[handle.model.key] == handle.parameters
            assert handle.parameters.seed not in self.rejected_seeds

    def teardown(self):
        async def stop() -> None:
            late = (self.later(kind, "studio", GOOD, turns) for kind in ("create", "publish") for turns in range(3))
            await asyncio.gather(self.sessions.stop(), *late, return_exceptions=True)

        self.loop.run_until_complete(stop())
        assert not self.sessions.handles
        assert not [peer for peer in FakePeer.all if peer.open]
        assert not [name for name in ListedRing.names if (SHARED_MEMORY / name).exists()]
        assert not asyncio.all_tasks(self.loop)
        self.loop.close()
        self.folder.cleanup()
        PATCH.undo()


TestSessions = SessionMachine.TestCase
TestSessions.settings = hypothesis_settings(max_examples=25, stateful_step_count=12, deadline=None)
