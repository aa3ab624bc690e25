import pytest
import torch
from msgspec.structs import replace
from torch import Tensor

from lipar_core.errors import LiparError, ParameterError
from lipar_core.parameters import Parameters, Pruning
from lipar_core.session import EditSession
from lipar_core.stream.output import BlockReport
from tests.tiny import moving_square, tiny_models, tiny_preset

MODELS = tiny_models()
FRAMES = 40
CLIP = moving_square(FRAMES)
SETTINGS = Parameters(prompt="a pencil sketch", pruning=Pruning(tau=0.4, tau2=0.8))


class Result:
    def __init__(self, session: EditSession[int], splits: list[int], changes: dict[int, dict] | None = None) -> None:
        parts, at = [], 0
        for count in splits:
            if changes and at in changes:
                session.update(changes[at])
            parts.append(session.push(CLIP[at : at + count], range(at, at + count)))
            at += count
        parts.append(session.flush())
        self.frames: Tensor = torch.cat([part.frames for part in parts])
        self.keep: Tensor = torch.cat([part.keep for part in parts])
        self.pts: list[int] = [stamp for part in parts for stamp in part.pts]
        self.blocks: list[BlockReport] = [report for part in parts for report in part.blocks]


def edit(splits=(10,) * 4, changes=None, settings=SETTINGS, models=MODELS) -> Result:
    return Result(EditSession(models, settings), list(splits), changes)


@pytest.fixture(scope="module")
def plain() -> Result:
    return edit()


@pytest.mark.parametrize("splits", [(40,), (1,) * 40, (7, 0, 13, 20)])
def test_output_does_not_depend_on_the_split(plain, splits):
    other = edit(splits)
    assert torch.equal(other.frames, plain.frames)
    assert torch.equal(other.keep, plain.keep)
    assert other.pts == plain.pts == list(range(FRAMES))


def test_pruning_prunes_something_and_not_everything(plain):
    ratios = [report.keep_ratio for report in plain.blocks]
    assert ratios[0] == 1.0
    assert all(0 < ratio < 1 for ratio in ratios[1:])


@pytest.mark.parametrize("block_frames", [1, 3])
@pytest.mark.parametrize("count", [1, 3, 4, 9, 11, 12, 13, 24])
def test_frame_count_is_preserved(count, block_frames):
    models = tiny_models(tiny_preset(block_frames=block_frames))
    session: EditSession[str] = EditSession(models, SETTINGS)
    stamps = [f"t{i}" for i in range(count)]
    first, rest = session.push(CLIP[:count], stamps), session.flush()
    assert [*first.pts, *rest.pts] == stamps
    assert len(first.frames) + len(rest.frames) == len(first.keep) + len(rest.keep) == count
    assert session.flush().pts == []


def test_frames_are_returned_as_soon_as_they_are_decoded():
    session: EditSession[int] = EditSession(MODELS, SETTINGS)
    assert session.push(CLIP[:11], range(11)).pts == []
    assert session.push(CLIP[11:12], [11]).pts == list(range(9))  # raw frame r shows source frame r - 3
    assert session.push(CLIP[12:24], range(12, 24)).pts == list(range(9, 21))


def test_keeping_every_token_is_the_unpruned_model():
    full = edit(settings=replace(SETTINGS, pruning=replace(SETTINGS.pruning, enabled=False)))
    everything = edit(settings=replace(SETTINGS, pruning=replace(SETTINGS.pruning, tau=0.0, tau2=0.0)))
    naive = edit(settings=replace(SETTINGS, pruning=replace(SETTINGS.pruning, enabled=False, recovery=False)))
    assert everything.keep.all()
    assert torch.equal(full.frames, everything.frames)
    assert torch.equal(full.frames, naive.frames)


def test_same_seed_same_output_other_seed_other_output(plain):
    assert torch.equal(edit().frames, plain.frames)
    assert not torch.equal(edit(settings=replace(SETTINGS, seed=1)).frames, plain.frames)


def test_after_flush_a_session_equals_a_new_one(plain):
    session: EditSession[int] = EditSession(MODELS, SETTINGS)
    Result(session, [23, 17], {23: {"prompt": "no change"}})
    session.update({"prompt": SETTINGS.prompt})
    again = Result(session, [40])
    assert torch.equal(again.frames, plain.frames)
    assert again.blocks[0].number > 0


@pytest.mark.parametrize("change", [{"reset": True}, {"prompt": "no change", "transition": {"mode": "cut"}}])
def test_after_reset_a_session_equals_a_new_one(change):
    """It applies from frame 12 on, in the block that was acknowledged, and no timestamp is lost."""
    session: EditSession[int] = EditSession(MODELS, SETTINGS)
    first = session.push(CLIP[:20], range(20))
    acknowledged = session.update(change)
    rest, tail = session.push(CLIP[20:], range(20, FRAMES)), session.flush()
    assert [*first.pts, *rest.pts, *tail.pts] == list(range(FRAMES))
    fresh: EditSession[int] = EditSession(MODELS, session.parameters)
    expected = torch.cat([fresh.push(CLIP[12:], range(12, FRAMES)).frames, fresh.flush().frames])
    ours = torch.cat([first.frames, rest.frames, tail.frames])
    assert torch.equal(ours[12:], expected)
    assert acknowledged.block == rest.blocks[0].number == 1
    assert rest.blocks[0].keep_ratio == 1.0


def test_a_reset_replaces_the_stream_state_and_keeps_the_storage():
    session: EditSession[int] = EditSession(MODELS, SETTINGS)
    session.push(CLIP[:12], range(12))
    state, storage = session.state, session.passes.cache.k.data_ptr()
    session.reset()
    session.push(CLIP[12:24], range(12, 24))
    assert session.state is not state
    assert session.state.blocks == 1
    assert session.passes.cache.k.data_ptr() == storage


@pytest.mark.parametrize("mode", ["recache", "keep"])
def test_prompt_applies_at_the_acknowledged_block(plain, mode):
    changed = edit(changes={20: {"prompt": "no change", "transition": {"mode": mode}}})
    assert torch.equal(changed.frames[:9], plain.frames[:9])
    assert not torch.equal(changed.frames[13:], plain.frames[13:])
    assert changed.blocks[1].keep_ratio == 1.0
    assert changed.blocks[1].parameters.prompt == "no change"
    assert changed.blocks[2].keep_ratio < 1.0


def test_recaching_the_same_text_changes_nothing():
    """If the window reaches back to the stream's start, the clean passes are repeated."""
    models = tiny_models(tiny_preset(sink_frames=0, window_frames=12))
    session: EditSession[int] = EditSession(models, replace(SETTINGS, pruning=Pruning(enabled=False)))
    session.push(CLIP[:36], range(36))
    session.finish_block()
    before = session.passes.cache.k.clone(), session.passes.cache.v.clone()
    session.passes.cache.k.zero_()
    with torch.inference_mode():
        session.editor.recache(session.state)
    assert before[0].any()
    torch.testing.assert_close((session.passes.cache.k, session.passes.cache.v), before, rtol=0, atol=1e-6)


def test_strength_zero_is_the_codecs_round_trip():
    result = edit(settings=replace(SETTINGS, strength=0.0))
    latents, _ = MODELS.codec.encode(CLIP[None])
    raw, _ = MODELS.codec.decode(latents)
    torch.testing.assert_close(result.frames[:37], raw[0, 3:].clamp(0, 1), rtol=0, atol=1e-6)


def test_the_detector_does_not_see_a_renderers_code(plain):
    """A code of zeros next to the picture's latents would shift the trimmed means."""
    preset = tiny_preset()
    codec, transformer = preset.codec, preset.transformer
    wide = replace(
        preset,
        codec=replace(codec, code_channels=8, renderer_width=8),
        transformer=replace(transformer, channels=codec.latent_channels + 8),
    )
    models = tiny_models(wide)
    models.codec.encoder.load_state_dict(MODELS.codec.encoder.state_dict())
    coded = edit(models=models)
    assert coded.keep.equal(plain.keep)
    assert not torch.allclose(coded.frames, plain.frames)


def test_pause_repeats_the_last_frame_and_computes_nothing():
    session: EditSession[int] = EditSession(MODELS, SETTINGS)
    before = session.push(CLIP[:20], range(20))
    assert session.update({"paused": True}).pending
    paused = session.push(CLIP[20:25], range(20, 25))
    assert paused.pts == list(range(9, 25))
    assert paused.blocks == []
    assert torch.equal(paused.frames, before.frames[-1:].expand(16, -1, -1, -1))
    assert session.push(CLIP[25:26], [25]).pts == [25]
    assert not session.update({"paused": False}).pending
    after, tail = session.push(CLIP[26:], range(26, FRAMES)), session.flush()
    assert [*after.pts, *tail.pts] == list(range(26, FRAMES))


def test_paused_before_the_first_block_returns_nothing():
    session: EditSession[int] = EditSession(MODELS, replace(SETTINGS, paused=True))
    assert session.push(CLIP[:5], range(5)).pts == []


def test_latest_change_wins():
    session: EditSession[int] = EditSession(MODELS, SETTINGS)
    session.update({"seed": 1})
    assert session.update({"seed": 2}).block == 0
    assert session.push(CLIP[:12], range(12)).blocks[0].parameters.seed == 2


def test_rejected_change_changes_nothing(plain):
    session: EditSession[int] = EditSession(MODELS, SETTINGS)
    for change in ({"seed": 5, "pruning": {"tau": -1}}, {"reset": 1}, {"seed": 5, "colour": 1}):
        with pytest.raises(ParameterError):
            session.update(change)
    assert torch.equal(Result(session, [40]).frames, plain.frames)


def test_sessions_share_nothing(plain):
    first, second = EditSession(MODELS, SETTINGS), EditSession(MODELS, replace(SETTINGS, seed=9))
    parts = []
    for at in range(0, FRAMES, 5):
        parts.append(first.push(CLIP[at : at + 5], range(at, at + 5)).frames)
        second.push(CLIP[at : at + 5].flip(0), range(5))
    assert torch.equal(torch.cat([*parts, first.flush().frames]), plain.frames)


def test_bytes_and_floats_give_the_same():
    as_bytes = (CLIP[:12] * 255).round().to(torch.uint8)
    session, other = EditSession(MODELS, SETTINGS), EditSession(MODELS, SETTINGS)
    a, b = session.push(as_bytes, range(12)), other.push(as_bytes.float() / 255, range(12))
    assert torch.equal(a.frames, b.frames)


def test_stages_are_timed_and_forced_masks_are_used():
    stream = MODELS.preset.stream
    mask = torch.zeros(stream.block_frames, stream.rows, stream.cols, dtype=torch.bool)
    mask[:, 0, 0] = True
    session: EditSession[int] = EditSession(MODELS, SETTINGS, force_keep=lambda block: mask)
    blocks = session.push(CLIP, range(FRAMES)).blocks
    assert [report.keep_ratio for report in blocks] == [1.0, 1 / 24, 1 / 24]
    assert set(blocks[0].stage_ms) == {"encode", "detect", "denoise", "decode", "clean"}


@pytest.mark.parametrize(
    ("frames", "stamps", "message"),
    [
        (torch.zeros(2, 3, 64, 95), 2, r"must be \[N, 3, 64, 96\]"),
        (torch.zeros(3, 64, 96), 3, "must be"),
        (torch.zeros(2, 3, 64, 96), 1, "one per frame"),
        (torch.zeros(1, 3, 64, 96, dtype=torch.int32), 1, "uint8"),
    ],
)
def test_wrong_frames_are_rejected(frames, stamps, message):
    with pytest.raises(LiparError, match=message):
        EditSession(MODELS).push(frames, range(stamps))
