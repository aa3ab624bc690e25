"""The block loop against a simple reference: all keys stored un-rotated, attention over all of them."""

import pytest
import torch
from torch import Tensor

from lipar_core.flow import sigmas
from lipar_core.models.interfaces import TextKV
from lipar_core.models.loading import Models
from lipar_core.pruning.kv_cache import KVCache
from lipar_core.pruning.selection import select
from lipar_core.rope import RotaryTable, rotate
from lipar_core.runtime.denoise import BlockPlan, clean_pass, denoise_block, prepare_schedule
from lipar_core.runtime.passes import Passes
from tests.tiny import tiny_models, tiny_preset

SINK, WINDOW, CAP = 2, 5, 9


class FullHistory:
    """Reference cache: all keys of all frames, un-rotated, rotated and masked again in each pass."""

    def __init__(self, models: Models, block_frames: int) -> None:
        config, stream = models.preset.transformer, models.preset.stream
        self.rope = RotaryTable(config.head_dim, stream.rows, stream.cols)
        self.past: list[list[tuple[Tensor, Tensor]]] = [[] for _ in range(config.layers)]  # per layer, per frame
        self.block_frames, self.tokens, self.frames = block_frames, stream.tokens_per_frame, 0
        self.store = False

    @property
    def positions(self) -> dict[int, int]:
        """Temporal position of every frame that the open block attends to."""
        end = self.frames + self.block_frames
        shift = max(0, end - CAP)
        recent = {frame: frame - shift for frame in range(max(SINK, end - WINDOW), end)}
        return {frame: frame for frame in range(min(SINK, end))} | recent

    @property
    def rotary(self) -> Tensor:
        block = range(self.frames, self.frames + self.block_frames)
        return self.rope.at([self.positions[frame] for frame in block]).flatten(0, 1)

    def update(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, None]:
        new = list(zip(k.split(self.tokens), v.split(self.tokens), strict=True))
        history = [*self.past[layer], *new]
        keys = [rotate(history[frame][0], self.rope.at([at])[0]) for frame, at in self.positions.items()]
        if self.store:
            self.past[layer] = history
        return torch.cat(keys), torch.cat([history[frame][1] for frame in self.positions]), None


def random_block(models: Models, seed: int) -> Tensor:
    stream, config = models.preset.stream, models.preset.transformer
    size = (stream.block_frames * stream.tokens_per_frame, config.patch_dim)
    return torch.randn(size, generator=torch.Generator().manual_seed(seed))


def cache_of(models: Models) -> KVCache:
    config, stream = models.preset.transformer, models.preset.stream
    rope = RotaryTable(config.head_dim, stream.rows, stream.cols)
    shape = (stream.tokens_per_frame, config.heads, config.head_dim)
    return KVCache(config.layers, SINK, WINDOW, rope, CAP, shape)


def passes_of(models: Models, cache: KVCache, text: TextKV) -> Passes:
    passes = Passes(models.dit, cache, models.preset.stream.block_frames)
    passes.set_text(text)
    return passes


@pytest.mark.parametrize("block_frames", [1, 3])
@torch.inference_mode()
def test_eviction_equals_full_attention_with_a_band(block_frames):
    """Sink, ring and growing positions equal masking evicted frames and clamping positions."""
    models = tiny_models(tiny_preset(block_frames=block_frames, window_frames=WINDOW, sink_frames=SINK))
    dit, cache, reference = models.dit, cache_of(models), FullHistory(models, block_frames)
    text = dit.text_kv(models.prompts.encode("x").context)
    passes = passes_of(models, cache, text)
    steps = prepare_schedule(dit, sigmas(models.preset.schedule), models.preset.schedule)
    tokens = models.preset.stream.tokens_per_frame
    everything, _ = select(torch.ones(block_frames, tokens, dtype=torch.bool))
    plan = BlockPlan(everything, everything)
    for block in range(18 // block_frames):
        source, noises = random_block(models, block), [random_block(models, 100 * block + i) for i in (1, 2)]
        cache.open(block_frames)
        x0 = denoise_block(passes, source, None, plan, steps, noises)
        clean_pass(passes, x0, plan, steps)
        expected = source
        for step, sigma in enumerate(steps.sigmas):
            x = (1 - sigma) * expected + sigma * noises[step]
            expected = x - sigma * dit(x, steps.modulations[step], reference.rotary, text, reference)
        reference.store = True
        dit(expected, steps.clean, reference.rotary, text, reference)
        reference.store, reference.frames = False, reference.frames + block_frames
        torch.testing.assert_close(x0, expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("recovery", [True, False])
@pytest.mark.parametrize("kept", ["none", "one", "some", "all"])
@torch.inference_mode()
def test_any_number_of_kept_tokens_works(kept, recovery):
    models = tiny_models()
    dit, cache, stream = models.dit, cache_of(models), models.preset.stream
    text = dit.text_kv(models.prompts.encode("x").context)
    passes = passes_of(models, cache, text)
    steps = prepare_schedule(dit, sigmas(models.preset.schedule), models.preset.schedule)
    shape = (stream.block_frames, stream.tokens_per_frame)
    masks = {
        "none": torch.zeros(shape, dtype=torch.bool),
        "one": torch.zeros(shape, dtype=torch.bool).index_put((torch.tensor(1), torch.tensor(5)), torch.tensor(True)),
        "some": torch.rand(shape, generator=torch.Generator().manual_seed(3)) < 0.4,
        "all": torch.ones(shape, dtype=torch.bool),
    }
    previous = None
    for block, keep in enumerate([masks["all"], masks[kept], masks[kept], masks["some"]]):
        chosen, refreshed = select(keep)
        plan = BlockPlan(chosen, refreshed if block == 3 else chosen, recovery)
        cache.open(stream.block_frames)
        noise = [random_block(models, 7), random_block(models, 8)]
        x0 = denoise_block(passes, random_block(models, block), previous, plan, steps, noise)
        clean_pass(passes, x0, plan, steps)
        assert x0.isfinite().all()
        if kept == "none" and block in (1, 2):
            assert torch.equal(x0, previous.repeat(stream.block_frames, 1))
        previous = x0[-stream.tokens_per_frame :]
    assert cache.frames == 4 * stream.block_frames


@torch.inference_mode()
def test_recovery_gives_pruned_slots_the_clean_frame_before():
    models = tiny_models()
    dit, cache, stream = models.dit, cache_of(models), models.preset.stream
    text = dit.text_kv(models.prompts.encode("x").context)
    passes = passes_of(models, cache, text)
    steps = prepare_schedule(dit, sigmas(models.preset.schedule), models.preset.schedule)
    tokens = stream.tokens_per_frame
    everything, _ = select(torch.ones(3, tokens, dtype=torch.bool))
    cache.open(3)
    plan = BlockPlan(everything, everything)
    noises = [random_block(models, step) for step in range(len(steps.sigmas))]
    x0 = denoise_block(passes, random_block(models, 0), None, plan, steps, noises)
    clean_pass(passes, x0, plan, steps)
    before_k, before_v = cache.last_k.clone(), cache.last_v.clone()
    keep = torch.zeros(3, tokens, dtype=torch.bool)
    keep[1, 0] = True
    chosen, _ = select(keep)
    plan = BlockPlan(chosen, chosen)
    cache.open(3)
    x0 = denoise_block(passes, random_block(models, 1), x0[-tokens:], plan, steps, noises)
    clean_pass(passes, x0, plan, steps)
    assert torch.equal(cache.last_k[:, 1:], before_k[:, 1:])
    assert torch.equal(cache.last_v[:, 1:], before_v[:, 1:])
    assert not torch.equal(cache.last_k[:, 0], before_k[:, 0])  # kept in frame 1, carried to frame 2
    for slot, frame in zip(cache.slots.tolist(), (3, 4, 5), strict=True):
        expected = rotate(before_k[:, 1:], cache.rope.at([frame])[0, 1:])
        torch.testing.assert_close(cache.k[:, slot, 1:], expected, rtol=0, atol=1e-6)
