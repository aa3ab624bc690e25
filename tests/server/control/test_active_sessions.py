"""Only sessions that receive frames share the model: parked and paused ones get none of its time."""

import time

import pytest

from harness.echo import write_preset
from lipar_core.parameter_changes import merge
from lipar_core.presets import load_preset
from server import wire
from server.control.registry import SessionRegistry
from server.settings import Settings
from tests.server.control.fake_peer import GOOD, install_fakes

BUSY_MS = 100.0


@pytest.fixture
async def sessions(tmp_path, monkeypatch):
    install_fakes(monkeypatch)
    preset = write_preset(tmp_path, width=32, height=16)
    sessions = SessionRegistry(Settings(preset=str(preset), max_sessions=3), load_preset(str(preset)), lambda *_: None)
    for name in ("a", "b", "c"):
        await sessions.create(GOOD, {}, name=name)
        send_frames(sessions, name)
    yield sessions
    await sessions.stop()


def send_frames(sessions: SessionRegistry, name: str) -> None:
    """As if its source were sending frames."""
    sessions.handles[name].frames._last_frame_at = time.monotonic()


def speed(sessions: SessionRegistry) -> float:
    """Ratio of the frames of session a that are admitted, after one of its blocks."""
    handle = sessions.handles["a"]
    handle.frames.ingest.model_fps = None
    about = {"block": 1, "frames": 0, "dropped": 0, "keep_ratio": 1.0, "queue_ms": 0.0, "stage_ms": {"denoise": 1.0}}
    handle.worker.sessions.handle(wire.BlockDone(session=handle.model.key, edit_ms=BUSY_MS, **about))
    assert handle.frames.ingest.model_fps is not None
    return handle.frames.ingest.model_fps * BUSY_MS / 1000 / handle.frames.incoming.frames_per_block


async def test_inactive_sessions_get_no_model_time(sessions):
    assert speed(sessions) == pytest.approx(1 / 3)
    await sessions.handles["b"].park()
    assert speed(sessions) == pytest.approx(1 / 2)
    changes = sessions.handles["c"].model.live_parameters
    changes.parameters = merge(changes.parameters, {"paused": True})
    assert speed(sessions) == pytest.approx(1)


async def test_a_silent_source_gets_no_model_time(sessions):
    for name in ("b", "c"):
        sessions.handles[name].frames._last_frame_at -= 5.0
    assert speed(sessions) == pytest.approx(1)
