"""A session that was changed while it ran equals the replay of its timeline."""

import msgspec
import torch

from lipar_core.parameters import Parameters
from lipar_core.replay import ReplaySession
from lipar_core.session import EditSession
from lipar_core.session_timeline import SessionTimeline, read_timeline
from lipar_core.sizes import size_name
from server import wire
from server.control.change_log import ChangeLog
from server.model.pending_changes import PendingChanges
from server.model.prompt_encoder import PromptEncoder
from tests.tiny import moving_square, tiny_models, tiny_preset

PRESET = tiny_preset(block_frames=1)
FRAMES = PRESET.stream.frames_per_block
BLOCKS = 14
CLIP = moving_square(BLOCKS * FRAMES, PRESET)
BUCKETS = (3, 15, 24)  # not those of this device
CHANGES = {
    0: [{"seed": 3}],
    2: [{"prompt": "b", "strength": 0.6}, {"pruning": {"tau": 0.6}}],
    5: [{"prompt": "c", "transition": {"mode": "blend", "blocks": 3}}],
    6: [{"pruning": {"enabled": False}}, {"denoising_steps": [700, 300]}],
    8: [{"prompts": [{"text": "c", "weight": 0.3}, {"text": "b", "weight": 0.7}]}],
    9: [{"reset": True}, {"prompts": [{"text": "c", "weight": 0.4}, {"text": "b", "weight": 0.6}]}],
    11: [{"prompt": "d", "transition": {"mode": "cut"}}],
}


def drive(models, parameters: Parameters) -> tuple[torch.Tensor, ChangeLog]:
    """Edit the clip block by block, with changes as the server's model process applies them."""
    log = ChangeLog(parameters)
    session: EditSession[int] = EditSession(models, parameters, buckets=BUCKETS)

    def record(event: wire.Event) -> None:
        if isinstance(event, wire.ParametersApplied):
            log.add(event.block, event.parameters, reset=event.reset)

    pending = PendingChanges("s", session, PromptEncoder(models.prompts), record)
    parts = []
    for block in range(BLOCKS):
        for request, changes in enumerate(CHANGES.get(block, [])):
            models.prompts.encode(str(changes.get("prompt", "a")))
            pending.handle(wire.Change(session="s", request=request, changes=changes))
        at = block * FRAMES
        parts.append(session.push(CLIP[at : at + FRAMES], range(at, at + FRAMES)).frames)
    return torch.cat([*parts, session.flush().frames]), log


def test_a_driven_session_equals_the_replay_of_its_timeline(tmp_path):
    models = tiny_models(PRESET)
    models.prompts.encode("a")
    driven, log = drive(models, Parameters(prompt="a"))
    timeline = SessionTimeline(
        preset="test", size=size_name(PRESET.stream), buckets=BUCKETS, entries=tuple(log.entries)
    )
    (path := tmp_path / "timeline.json").write_bytes(msgspec.json.encode(timeline))
    assert read_timeline(path) == timeline
    replay: ReplaySession[int] = ReplaySession(models, read_timeline(path))
    parts = [replay.push(part, range(len(part))).frames for part in CLIP.split(5)]
    assert torch.equal(torch.cat([*parts, replay.flush().frames]), driven)
    plain: EditSession[int] = EditSession(models, Parameters(prompt="a"))
    unchanged = torch.cat([plain.push(CLIP, range(len(CLIP))).frames, plain.flush().frames])
    assert not torch.equal(unchanged[: 2 * FRAMES], driven[: 2 * FRAMES])  # every change matters
    assert replay.remaining == []


def test_the_blocks_of_a_restarted_model_process_follow_the_earlier_ones_after_a_reset():
    log = ChangeLog(Parameters(prompt="a"))
    log.session_opened(Parameters(prompt="b"))
    for block in range(3):
        log.block_done(block)
    log.add(3, Parameters(prompt="c"), reset=False)
    log.session_opened(Parameters(prompt="c"))
    log.add(2, Parameters(prompt="d"), reset=False)
    entries = [(entry.block, entry.parameters.prompt, entry.reset) for entry in log.entries]
    assert entries == [(0, "b", False), (3, "c", True), (5, "d", False)]
