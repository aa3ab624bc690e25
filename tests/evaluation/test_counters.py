"""Deterministic counters of operations and blocks."""

import pytest
import torch
import torch.nn.functional as F
from msgspec.structs import replace

from lipar_core.kernels.noisy_tokens import noisy_tokens
from lipar_core.kernels.residual_norm import residual_norm
from lipar_core.kernels.rope_scatter import rope_scatter
from lipar_core.kernels.rotate_frames import rotate_frames
from lipar_core.presets import load_preset
from lipar_core.runtime.kept_counts import KeptCounts
from lipar_core.session import EditSession
from lipar_eval.block_counters import detector_block, session_block, transformer_block
from lipar_eval.operation_counter import CalledFunctions, OperationCounter
from tests.tiny import moving_square, tiny_models, tiny_preset

SIZE = 64 * 1024 // 4  # float32 values of the smallest allocation that counts


def counted(work) -> OperationCounter:
    counter = OperationCounter()
    with torch.inference_mode(), CalledFunctions(counter), counter:
        work()
    return counter


def test_elementwise_operations_count_with_what_they_read_and_write():
    a, b = torch.ones(SIZE), torch.ones(SIZE)
    counter = counted(lambda: (a + b).view(2, -1)[0].add_(1))
    assert counter.operations.total() == 2  # views are free
    assert counter.bytes.total() == 4 * (3 * SIZE + 2 * SIZE // 2)
    assert counter.allocations.total() == 1
    counter = counted(lambda: torch.add(a, a, out=b))  # which is not read
    assert (counter.bytes.total(), counter.allocations.total()) == (4 * 3 * SIZE, 0)


def test_an_expanded_tensor_is_read_once_and_a_scatter_touches_only_its_rows():
    row, full, rows = torch.ones(1, 8), torch.zeros(100, 8), torch.tensor([3, 4])
    assert counted(lambda: full + row.expand(100, 8)).bytes.total() == 4 * (800 + 8 + 800)
    assert counted(lambda: full.index_copy_(0, rows, torch.ones(2, 8))).bytes["aten.index_copy_"] == 4 * 2 * 16


def test_products_count_floating_point_operations_not_bytes():
    x, weight = torch.ones(5, 7), torch.ones(11, 7)
    counter = counted(lambda: F.linear(x, weight))
    assert (counter.flops, counter.bytes.total()) == (2 * 5 * 7 * 11, 0)
    q, kv = torch.ones(1, 3, 4, 8), torch.ones(1, 3, 9, 8)
    assert counted(lambda: F.scaled_dot_product_attention(q, kv, kv)).flops == 4 * 3 * 4 * 9 * 8


def test_operations_with_kernels_of_their_own_count_once():
    frames, row = torch.ones(1, 2, 4, 4), torch.ones(4)
    for work in (lambda: F.interpolate(frames, scale_factor=2, mode="bilinear"), lambda: F.rms_norm(row, (4,), row)):
        assert counted(work).operations.total() == 1


def test_our_kernels_count_once_with_what_they_move():
    """On a CPU, where their references run, too."""
    x, row = torch.ones(SIZE, 2), torch.ones(2)
    counter = counted(lambda: residual_norm(x, x, row, row, row, 1e-6))
    assert counter.operations == {"residual_norm": 1}
    assert counter.bytes.total() == 4 * (4 * 2 * SIZE + 3 * 2)
    assert counter.allocations == counter.expected == {"residual_norm": 2}
    index = torch.arange(3)
    assert counted(lambda: noisy_tokens(x, x, index, 0.5, torch.empty(3, 2))).bytes.total() == 3 * 8 + 4 * 3 * 3 * 2
    k, cache = torch.ones(3, 1, 2), torch.zeros(9, 1, 2)
    factors = torch.ones(3, 2)
    counter = counted(lambda: rope_scatter(k, k, factors, index, cache, cache))
    assert counter.bytes.total() == 4 * 4 * 6 + 3 * 8 + 3 * 8
    frames, rows = torch.zeros(2, 1, 3, 1, 2), torch.zeros(2, 16, 1, 2)
    counter = counted(lambda: rotate_frames(frames, factors[None], index[:1], rows))
    assert counter.bytes.total() == 4 * 2 * 6 + 3 * 8 + 8 + 4 * 2 * 6
    gelu = counted(lambda: F.gelu(torch.ones(SIZE)))
    assert gelu.expected.total() == 0


def test_everything_that_makes_the_host_wait_counts():
    values, mask = torch.ones(4), torch.tensor([True, False, True, True])
    for work in (values.tolist, values[0].item, lambda: torch.tensor([1, 2]), mask.nonzero, lambda: values[[0, 2]]):
        assert counted(work).host_waits.total() == 1
    assert counted(lambda: torch.arange(4) + values).host_waits.total() == 0
    there = torch.empty(4, device="meta")
    assert counted(lambda: there.copy_(values)).host_waits.total() == 1
    assert counted(lambda: there.copy_(values, non_blocking=True)).host_waits.total() == 0


def test_the_kept_counts_are_read_without_a_wait_before_they_are_needed():
    counts, keep = KeptCounts(torch.device("cpu")), torch.tensor([[True, False, True], [False, False, False]])
    assert counted(lambda: counts.start(keep, None)).host_waits.total() == 0
    assert counted(counts.wait).host_waits.total() == 1
    assert counts.wait() == ([2, 0], None)
    counts.start(keep, torch.tensor(3.5))
    assert counts.wait() == ([2, 0], 3.5)


@pytest.mark.parametrize("ratio", [1, 0.5])
def test_a_block_s_floating_point_operations_follow_from_its_tokens(ratio):
    preset = tiny_preset()
    config, stream = preset.transformer, preset.stream
    dim, patch, layers = config.dim, config.patch_dim, config.layers
    keys = (stream.sink_frames + stream.window_frames) * stream.tokens_per_frame

    def attention(count: int) -> int:
        return 4 * count * keys * dim + 4 * count * config.text_length * dim

    def layer(count: int) -> int:
        return 2 * count * dim * (6 * dim + 2 * config.ffn_dim) + attention(count)

    kept = round(ratio * stream.tokens_per_frame) * stream.block_frames
    last = kept + (1 - ratio) * stream.tokens_per_frame  # with the last frame in full
    steps = [kept] * (len(preset.schedule.steps) - 1) + [last]
    denoising = sum(layers * layer(count) + 4 * count * patch * dim for count in steps)
    clean = (layers - 1) * layer(kept) + 2 * kept * dim * 2 * dim + 2 * kept * patch * dim
    refreshing = replace(preset, pruning=replace(preset.pruning, refresh_last_frame=True))
    assert transformer_block(refreshing, ratio).flops == denoising + clean


@pytest.mark.parametrize("ratio", [1, 0.5])
def test_a_block_s_passes_allocate_nothing_but_the_outputs_of_products_attention_and_norms(ratio):
    """At full size, of which two layers suffice; a network of 16 bits on tokens of 32."""
    preset = load_preset("wan-1.3b")
    counters = transformer_block(replace(preset, transformer=replace(preset.transformer, layers=2)), ratio)
    assert counters.large_allocations > 0
    assert counters.other_allocations == 0


@pytest.mark.parametrize("detector", ["anchor", "lipar"])
def test_the_host_waits_once_per_block(detector):
    """For the number of kept tokens."""
    models = tiny_models()
    session: EditSession[int] = EditSession(models)
    session.update({"pruning": {"detector": detector}})
    clip = moving_square(108)
    for start in range(0, 96, 12):
        session.push(clip[start : start + 12], range(start, start + 12))
    assert session_block(session, clip[96:]).host_waits == 1


@pytest.mark.parametrize(("detector", "most"), [("anchor", 15), ("lipar", 31)])
def test_a_detector_is_a_few_operations(detector, most):
    """270 and 123 per block before their parts were kernels."""
    assert detector_block(load_preset("wan-1.3b"), detector).operations <= most


@pytest.mark.parametrize(("ratio", "most"), [(1, 17), (0.5, 18)])
def test_a_layer_s_operations_do_not_grow(ratio, most):
    """Per layer and pass; 45 before norms, gates, modulations, rotations were one operation each."""
    presets = [tiny_preset(), replace(tiny_preset(), transformer=replace(tiny_preset().transformer, layers=3))]
    two, three = (transformer_block(preset, ratio).operations for preset in presets)
    passes = len(presets[0].schedule.steps) + 1
    assert (three - two) / passes <= most
