"""Sessions under requests in any order and at once: what must hold after each of them."""

import asyncio
import tempfile
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import server.session
import server.sessions
from lipar_core.config import load_preset
from lipar_core.errors import ParameterError
from server.errors import ServerError
from server.ring import SHARED_MEMORY
from server.sessions import Sessions
from server.settings import Settings
from tests.server.echo import write_preset
from tests.server.fake_peer import BAD, GOOD, FakeLink, FakePeer

MAX_SESSIONS = 2
NAMES = st.sampled_from(["studio", "stage", "attic"])
OFFERS = st.sampled_from([GOOD, GOOD, GOOD, BAD])
TURNS = st.integers(0, 4)

PATCH = pytest.MonkeyPatch()


def rings() -> set[str]:
    return {path.name for path in SHARED_MEMORY.glob("psm_*")} if SHARED_MEMORY.exists() else set()


class SessionMachine(RuleBasedStateMachine):
    """Requests come one by one and two at once, while connections take their time to be set up."""

    def __init__(self) -> None:
        super().__init__()
        PATCH.setattr(server.session, "Peer", FakePeer)
        PATCH.setattr(server.session, "check_offer", lambda sdp, **_: None)
        PATCH.setattr(server.sessions, "check_offer", lambda sdp, **_: None)
        PATCH.setattr(server.sessions, "ModelLink", FakeLink)
        self.before = rings()
        FakePeer.all.clear()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        preset = write_preset(Path(self.folder.name), width=32, height=16)
        settings = Settings(preset=str(preset), max_sessions=MAX_SESSIONS)
        self.sessions = Sessions(settings, load_preset(str(preset)), lambda *_: None)
        self.tokens: dict[str, str] = {}

    async def create(self, name: str, sdp: str) -> None:
        handle, _ = await self.sessions.create(sdp, {}, name=name, token=self.tokens.get(name))
        self.tokens[name] = handle.token

    async def resume(self, name: str, sdp: str) -> None:
        await self.sessions.get(name).connect(sdp)

    async def publish(self, name: str, sdp: str, changes: dict[str, object]) -> None:
        await self.sessions.publish(sdp, changes, name)

    async def watch(self, name: str, sdp: str) -> None:
        await self.sessions.get(name).watch(sdp)

    async def park(self, name: str) -> None:
        await self.sessions.get(name).park()

    async def close(self, name: str) -> None:
        await self.sessions.close(name)

    def run(self, turns: int, *requests) -> None:
        """All at once; refusals are answers too, anything else is a fault."""
        FakePeer.delay_turns = turns

        async def all_at_once() -> None:
            results = await asyncio.wait_for(asyncio.gather(*requests, return_exceptions=True), 5)
            assert not [
                one for one in results if one is not None and not isinstance(one, (ServerError, ParameterError))
            ]
            for handle in self.sessions.handles.values():
                await handle.tasks.finish(handle._watching)
            await self.sessions.tasks.finish()

        self.loop.run_until_complete(all_at_once())

    @rule(name=NAMES, other=NAMES, sdp=OFFERS, turns=TURNS)
    def create_two(self, name, other, sdp, turns):
        self.run(turns, self.create(name, sdp), self.create(other, GOOD))

    @rule(name=NAMES, sdp=OFFERS, turns=TURNS)
    def resume_two(self, name, sdp, turns):
        peer = self.peer(name)
        self.run(turns, self.resume(name, sdp), self.resume(name, sdp))
        if sdp == BAD and peer is not None:
            assert self.peer(name) is peer
            assert peer.open

    @rule(name=NAMES, sdp=OFFERS, turns=TURNS)
    def resume_and_park(self, name, sdp, turns):
        self.run(turns, self.resume(name, sdp), self.park(name))

    @rule(name=NAMES, sdp=OFFERS, turns=TURNS)
    def resume_and_close(self, name, sdp, turns):
        self.run(turns, self.resume(name, sdp), self.close(name))

    @rule(name=NAMES, sdp=OFFERS, turns=TURNS)
    def create_and_close(self, name, sdp, turns):
        self.run(turns, self.create(name, sdp), self.close(name))

    @rule(name=NAMES, sdp=OFFERS, prompt=st.sampled_from(["", " ", "an old film"]), turns=TURNS)
    def publish_two(self, name, sdp, prompt, turns):
        peer, refused = self.peer(name), prompt == " " or sdp == BAD
        changes = {"prompt": prompt} if prompt else {}
        self.run(turns, self.publish(name, sdp, changes), self.publish(name, sdp, changes))
        if refused and peer is not None:
            assert self.peer(name) is peer
            assert peer.open

    @rule(name=NAMES, sdp=OFFERS, turns=TURNS)
    def watch_two_and_close(self, name, sdp, turns):
        if name in self.sessions.handles:
            self.sessions.handles[name].frames.flows = True
        self.run(turns, self.watch(name, sdp), self.watch(name, GOOD), self.close(name))

    @rule(name=NAMES, turns=TURNS)
    def park_twice(self, name, turns):
        self.run(turns, self.park(name), self.park(name))

    @rule(name=NAMES)
    def lose_the_connection(self, name):
        async def lose() -> None:
            if (peer := self.peer(name)) is not None:
                peer.on_gone("lost")

        self.run(0, lose())

    @rule(name=NAMES, sdp=OFFERS, turns=TURNS)
    def resume_while_the_connection_is_lost(self, name, sdp, turns):
        async def lose() -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            if (peer := self.peer(name)) is not None:
                peer.on_gone("lost")

        self.run(turns, self.resume(name, sdp), lose())

    @rule(name=NAMES, sdp=OFFERS, turns=TURNS)
    def fail_while_a_connection_is_set_up(self, name, sdp, turns):
        async def fail() -> None:
            await asyncio.sleep(0)
            if name in self.sessions.handles:
                self.sessions.handles[name].fail("out of memory")

        self.run(turns, self.resume(name, sdp), fail())

    def peer(self, name: str) -> FakePeer | None:
        return self.sessions.handles[name].peer if name in self.sessions.handles else None

    @invariant()
    def never_more_than_there_are_slots(self):
        assert len(self.sessions.handles) <= MAX_SESSIONS

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
    def the_model_process_knows_the_open_sessions_and_no_others(self):
        open_now = {handle.model.key for handle in self.sessions.handles.values()}
        assert self.sessions.link.opened() == open_now

    def teardown(self):
        self.loop.run_until_complete(self.sessions.stop())
        assert not [peer for peer in FakePeer.all if peer.open]
        assert rings() <= self.before
        assert not asyncio.all_tasks(self.loop)
        self.loop.close()
        self.folder.cleanup()
        PATCH.undo()


TestSessions = SessionMachine.TestCase
TestSessions.settings = hypothesis_settings(max_examples=40, stateful_step_count=20, deadline=None)
