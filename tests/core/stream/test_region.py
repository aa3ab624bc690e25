"""Editing in a region only, and freezing one: what is shown, and what is computed."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import msgspec
import pytest
import torch
from msgspec import to_builtins
from msgspec.structs import replace
from torch import Tensor

from lipar_core.parameter_changes import to_dict
from lipar_core.parameters import Parameters, Pruning
from lipar_core.parsing import parse
from lipar_core.region import Region, encode_mask
from lipar_core.replay import ReplaySession
from lipar_core.runtime.denoise import BlockPlan
from lipar_core.session import EditSession
from lipar_core.session_timeline import SessionTimeline, TimelineEntry
from lipar_core.stream.region import block_region
from tests.tiny import moving_square, tiny_models, tiny_preset, with_stream

PRESET = with_stream(tiny_preset(), window_frames=6)  # past blocks leave the window within a test
MODELS = tiny_models(PRESET)
STREAM = PRESET.stream
ROWS, COLS = STREAM.rows, STREAM.cols  # 4 x 6
BLOCK = STREAM.frames_per_block
NOISY = torch.rand(6 * BLOCK, 3, STREAM.height, STREAM.width, generator=torch.Generator().manual_seed(1))
SETTINGS = Parameters(prompt="a pencil sketch", pruning=Pruning(tau=0.4, tau2=0.8))
HALF = Region(box=(0, 0, 0.5, 1), feather=0)
LAG = PRESET.codec.lag_frames
ANY_NUMBER = range(1, STREAM.block_tokens)  # of tokens is a bucket: none is refreshed, and there are no pads


def levels(frames: Tensor) -> Tensor:
    return (frames * 255).round().byte()


def edit(clip: Tensor, parameters: Parameters = SETTINGS, **options) -> tuple[Tensor, EditSession[int]]:
    session: EditSession[int] = EditSession(MODELS, parameters, **options)
    edited = session.push(clip, range(len(clip)))
    return torch.cat([edited.frames, session.flush().frames]), session


@contextmanager
def counted_tokens() -> Iterator[Counter[str]]:
    """Tokens that enter the transformer, by its two passes."""
    counts: Counter[str] = Counter()
    passes = {name: getattr(MODELS.dit, name) for name in ("forward", "fill_cache")}

    def counting(name: str, tokens: Tensor, *others: object) -> Tensor:
        counts["passes"] += 1
        counts["tokens"] += len(tokens)
        return passes[name](tokens, *others)

    for name in passes:
        setattr(MODELS.dit, name, partial(counting, name))
    try:
        yield counts
    finally:
        for name in passes:
            delattr(MODELS.dit, name)


def column_masks(pts: Sequence[int | None]) -> Tensor:
    """A region of two columns of tokens that moves by one with each block."""
    first = next(p for p in pts if p is not None) // BLOCK % (COLS - 1)
    mask = torch.zeros(1, STREAM.height, STREAM.width)
    mask[..., first * 16 : (first + 2) * 16] = 1
    return mask


def test_a_region_of_everything_is_the_engine_without_one():
    clip = moving_square(40, PRESET)
    plain, _ = edit(clip)
    for region in (Region(box=(0, 0, 1, 1)), Region(mask=encode_mask(3, 2, bytes([255] * 6))), Region(mode="freeze")):
        assert torch.equal(edit(clip, replace(SETTINGS, region=region))[0], plain)
    assert torch.equal(edit(clip, masks=lambda _: torch.ones(1, STREAM.height, STREAM.width))[0], plain)


def test_a_small_mask_is_scaled_softly_and_every_pixel_with_a_weight_has_its_token():
    small = torch.zeros(3, 8, 12)
    for i in range(3):
        small[i, 2:4, 3 + i : 6 + i] = 1
    region = block_region(Region(feather=0), STREAM, torch.device("cpu"), small)
    assert region is not None
    assert region.weight.shape == (3, 1, STREAM.height, STREAM.width)
    assert {0.0, 1.0} < set(region.weight.flatten().tolist())
    size = STREAM.token_size
    tokens = region.weight.amax(0)[0].unfold(0, size, size).unfold(1, size, size).amax((2, 3)) > 0
    assert torch.equal(region.tokens, tokens)
    everything = block_region(Region(), STREAM, torch.device("cpu"), torch.ones(1, 8, 12))
    assert everything is None


def test_outside_the_source_is_shown_and_inside_the_edit():
    clip = levels(NOISY)
    shown, _ = edit(clip, replace(SETTINGS, region=HALF))
    assert torch.equal(levels(shown[..., 48:]), clip[..., 48:])
    assert not torch.equal(levels(shown[..., :48]), clip[..., :48])


def test_the_feather_is_inside_and_rises_from_the_edge():
    plain_half, _ = edit(NOISY, replace(SETTINGS, region=HALF))
    shown, _ = edit(NOISY, replace(SETTINGS, region=replace(HALF, feather=0.125)))  # 8 pixels
    assert torch.equal(shown[..., 48:], NOISY[..., 48:])
    assert torch.equal(shown[..., :40], plain_half[..., :40])
    mixed = (shown - NOISY)[..., 40:48] / (plain_half - NOISY)[..., 40:48]
    torch.testing.assert_close(mixed.median(0).values.mean((0, 1)), torch.arange(15, 0, -2) / 17, rtol=0, atol=0.02)


def test_nothing_outside_is_computed_and_the_cost_falls_with_the_area():
    with counted_tokens() as whole:
        edit(NOISY[: 3 * BLOCK])
    with counted_tokens() as half:
        edit(NOISY[: 3 * BLOCK], replace(SETTINGS, region=HALF), buckets=ANY_NUMBER)
    assert half["passes"] == whole["passes"] > 0
    assert half["tokens"] * 2 == whole["tokens"]  # all tokens change in each block: none is pruned inside


@pytest.mark.parametrize("recovery", [True, False])
def test_a_region_smaller_than_a_bucket_is_padded_without_effect(recovery):
    """Every pass has a bucket's number of tokens: the refreshed last step, too."""
    small = Region(box=(0, 0, 1 / 3, 0.5), feather=0)  # 2 x 2 tokens
    settings = replace(SETTINGS, region=small, pruning=Pruning(tau=0.4, tau2=0.8, recovery=recovery))
    exact, _ = edit(NOISY[: 4 * BLOCK], settings, buckets=ANY_NUMBER)
    with counted_tokens() as counts:
        padded, session = edit(NOISY[: 4 * BLOCK], settings, buckets=[24, 48])
    torch.testing.assert_close(padded, exact, rtol=0, atol=1e-5)
    assert counts["tokens"] == 24 * counts["passes"] > 0
    assert session.passes.cache.k_rows[:, -1].any()  # pads write there


@pytest.mark.parametrize("recovery", [True, False])
@pytest.mark.parametrize("detector", ["lipar", "anchor"])
def test_a_region_that_moves_in_every_block_is_computed_where_it_enters(detector, recovery):
    still = NOISY[:1].expand(4 * BLOCK, -1, -1, -1)
    pruning = Pruning(detector=detector, recovery=recovery)
    plans: list[BlockPlan] = []
    session: EditSession[int] = EditSession(
        MODELS,
        replace(SETTINGS, pruning=pruning, region=Region(feather=0)),
        masks=column_masks,
        observer=lambda _, plan: plans.append(plan),
        buckets=ANY_NUMBER,
    )
    for block in range(4):
        with counted_tokens() as counts:
            session.push(still[:BLOCK], range(block * BLOCK, (block + 1) * BLOCK))
            session.finish_block()
        keep = plans[-1].kept.keep.view(-1, ROWS, COLS)
        assert keep[..., block + 1].all()
        assert not keep[..., :block].any()
        assert not keep[..., block + 2 :].any()
        assert plans[-1].last_step.keep.view(-1, ROWS, COLS)[-1].sum() == 2 * ROWS
        assert counts["passes"] == 3  # two steps and the clean pass
        assert counts["tokens"] == 2 * plans[-1].kept.count + plans[-1].last_step.count
    if detector == "anchor":  # nothing else changes
        assert keep.sum() == ROWS * STREAM.block_frames


def test_minimum_and_refresh_count_inside_only():
    still = NOISY[:1].expand(6 * BLOCK, -1, -1, -1).clone()
    still[..., :16, :16] = NOISY[: 6 * BLOCK, :, :16, :16]
    for settings, kept in ((Pruning(detector="anchor", threshold=20, min_keep=0.5), 6), (Pruning(max_age=1), 12)):
        masks: list[Tensor] = []
        edit(
            still,
            replace(SETTINGS, pruning=settings, region=HALF),
            observer=lambda _, plan, masks=masks: masks.append(plan.kept.keep.view(-1, ROWS, COLS)),
        )
        assert masks[-1][0].sum() == kept
        assert not torch.cat(masks)[..., 3:].any()


def test_frozen_pixels_stay_and_cost_nothing():
    session: EditSession[int] = EditSession(MODELS, SETTINGS, buckets=ANY_NUMBER)
    session.push(NOISY[: 2 * BLOCK], range(2 * BLOCK))
    acknowledged = session.update({"region": {"mode": "freeze", "box": [0, 0, 0.5, 1], "feather": 0}})
    assert acknowledged.block == 2
    session.finish_block()
    with counted_tokens() as counts:
        after = session.push(NOISY[2 * BLOCK : 4 * BLOCK], range(2 * BLOCK, 4 * BLOCK))
    assert counts["tokens"] == counts["passes"] * ROWS * COLS // 2 * STREAM.block_frames
    frozen = after.frames[LAG:]  # the first ones belong to the block before
    assert torch.equal(frozen[..., :48], after.frames[LAG - 1 : LAG].expand_as(frozen)[..., :48])
    assert not torch.equal(frozen[:1, ..., 48:], frozen[-1:, ..., 48:])
    session.update({"region": {"box": None}})
    assert session.push(NOISY[4 * BLOCK : 5 * BLOCK], range(4 * BLOCK, 5 * BLOCK)).blocks[0].keep_ratio == 1


def test_a_file_of_masks_is_read_in_step_though_the_first_block_is_never_frozen():
    read: list[int | None] = []  # `extend` returns None: no mask
    edit(levels(NOISY[: 2 * BLOCK]), replace(SETTINGS, region=Region(mode="freeze")), masks=read.extend)
    assert read[: 2 * BLOCK] == list(range(2 * BLOCK))


def test_a_new_stream_in_a_region_is_a_new_session_in_it():
    """Nothing of the time before is left, be it a reset or a cut."""
    parameters = replace(SETTINGS, region=HALF)
    fresh, _ = edit(NOISY[: 2 * BLOCK], parameters)
    session: EditSession[int] = EditSession(MODELS, SETTINGS)
    session.push(NOISY[BLOCK : 3 * BLOCK], range(2 * BLOCK))
    session.update({"region": to_dict(parameters)["region"], "reset": True})
    again = session.push(NOISY[: 2 * BLOCK], range(2 * BLOCK, 4 * BLOCK))
    shown = torch.cat([again.frames, session.flush().frames])[-2 * BLOCK :]
    assert torch.equal(shown, fresh)


def test_a_new_prompt_recomputes_the_cache_inside_only():
    session: EditSession[int] = EditSession(MODELS, replace(SETTINGS, region=HALF), buckets=ANY_NUMBER)
    session.push(NOISY[: 2 * BLOCK], range(2 * BLOCK))
    session.finish_block()
    session.update({"prompt": "an oil painting"})
    with counted_tokens() as counts:
        session.push(NOISY[2 * BLOCK : 3 * BLOCK], range(2 * BLOCK, 3 * BLOCK))
    assert counts["passes"] == 4  # two cached blocks, two steps
    frames = STREAM.sink_frames + 3 * STREAM.block_frames  # the first block is cut to the sink
    assert counts["tokens"] == frames * ROWS * COLS // 2


def test_a_region_without_pixels_shows_the_source():
    shown, _ = edit(levels(NOISY[:BLOCK]), masks=lambda _: torch.zeros(1, STREAM.height, STREAM.width))
    assert torch.equal(levels(shown), levels(NOISY[:BLOCK]))


def test_a_replayed_timeline_repeats_the_region():
    region = Region(mode="freeze", mask=encode_mask(2, 1, bytes([255, 0])))
    session: EditSession[int] = EditSession(MODELS, SETTINGS)
    frames = [session.push(NOISY[:BLOCK], range(BLOCK)).frames]
    session.update({"region": to_builtins(region)})
    frames += [session.push(NOISY[BLOCK : 3 * BLOCK], range(BLOCK, 3 * BLOCK)).frames, session.flush().frames]
    timeline = SessionTimeline(
        preset=PRESET.name,
        size=f"{STREAM.width}x{STREAM.height}",
        entries=(
            TimelineEntry(block=0, parameters=SETTINGS),
            TimelineEntry(block=1, parameters=replace(SETTINGS, region=region)),
        ),
    )
    saved = parse(msgspec.json.decode(msgspec.json.encode(timeline)), SessionTimeline)
    repeated: ReplaySession[int] = ReplaySession(MODELS, saved)
    again = [repeated.push(NOISY[: 3 * BLOCK], range(3 * BLOCK)).frames, repeated.flush().frames]
    assert torch.equal(torch.cat(again), torch.cat(frames))
