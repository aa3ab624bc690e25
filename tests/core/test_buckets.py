"""Buckets: their choice, and the tokens that fill them."""

from itertools import combinations

import pytest
import torch
from msgspec.structs import replace

from lipar_core.buckets import bucket_of, cheapest_buckets, checked_buckets, fixed_buckets
from lipar_core.checkpoints.weights import MetaDevice
from lipar_core.errors import ParameterError
from lipar_core.models.kernel_shapes import kernel_shapes
from lipar_core.models.pass_costs import linear_layers, measured_costs, modelled_costs, pass_costs
from lipar_core.models.precision import uniform
from lipar_core.models.wan import CausalWan
from lipar_core.parameters import Parameters, Pruning
from lipar_core.presets import load_preset
from lipar_core.pruning.active_tokens import active_tokens
from lipar_core.pruning.refresh import fill_bucket
from lipar_core.session import EditSession
from tests.core.kernels.small_shapes import small_shapes
from tests.tiny import moving_square, tiny_models

CPU = torch.device("cpu")


def test_a_count_goes_to_the_next_bucket_and_nothing_to_none():
    buckets = fixed_buckets(20)
    assert buckets == (8, 16, 20)
    assert [bucket_of(count, buckets) for count in (0, 1, 8, 9, 17, 20)] == [0, 8, 8, 16, 20, 20]


def test_a_given_list_ends_with_all_tokens_and_must_increase():
    assert checked_buckets([4, 9, 30], 9) == (4, 9)
    for wrong in ([0, 4], [4, 4], [5, 4]):
        with pytest.raises(ParameterError, match=r"^buckets = .*: must be increasing"):
            checked_buckets(wrong, 9)


def mean_cost(buckets, costs, tokens):
    return sum(costs[bucket_of(count, buckets)] for count in range(1, tokens + 1))


def test_the_cheapest_buckets_are_found():
    costs = {2: 3.0, 4: 3.5, 6: 7.0, 8: 7.2, 10: 9.0}
    for most in (1, 2, 3, 5):
        chosen = cheapest_buckets(costs, 10, most)
        others = [(*few, 10) for n in range(most) for few in combinations((2, 4, 6, 8), n)]
        assert mean_cost(chosen, costs, 10) == min(mean_cost(other, costs, 10) for other in others)
    assert cheapest_buckets(costs, 9, 2)[-1] == 9


@pytest.mark.parametrize(("multiprocessors", "good"), [(128, (1280, 2688)), (132, (1408, 2816))])
def test_modelled_buckets_end_where_a_wave_does(multiprocessors, good):
    """An RTX 4090 and an H200: good sizes of one are the worst of the other."""
    preset = load_preset("wan-1.3b")
    with MetaDevice():
        linears = linear_layers(CausalWan(preset.transformer))
    shapes = kernel_shapes(preset, uniform(torch.bfloat16), CPU)
    costs = modelled_costs(linears, preset.transformer.layers, shapes, multiprocessors)
    buckets = cheapest_buckets(costs, shapes.block_tokens)
    assert set(good) <= set(buckets)
    assert buckets[-1] == 4680


def test_costs_are_measured_on_any_device_and_used_on_a_gpu():
    network = tiny_models().dit
    shapes = small_shapes(rows=8, cols=9)
    assert pass_costs(network, 2, shapes) == {}
    costs = measured_costs(linear_layers(network), 2, shapes)
    assert list(costs) == [128, 256]
    assert all(seconds > 0 for seconds in costs.values())


def test_a_bucket_is_filled_with_the_stalest_tokens_of_the_last_frame_first():
    keep = torch.zeros(2, 6, dtype=torch.bool)
    keep[0, 0] = keep[1, 1] = True
    computed = torch.tensor([[5, 5, 2, 4, 3, 4]])
    filled, counts = fill_bucket(keep, [1, 1], (4, 10, 12), computed)
    assert counts == [1, 3]
    assert filled.nonzero().tolist() == [[0, 0], [1, 1], [1, 2], [1, 4]]
    filled, counts = fill_bucket(keep, [1, 1], (10, 12), computed)
    assert counts == [4, 6] == filled.sum(dim=1).tolist()
    assert filled[1].all()
    assert (keep & filled).equal(keep)


@pytest.mark.parametrize("counts", [[0, 0], [3, 1]])
def test_nothing_is_added_to_no_token_or_a_full_bucket(counts):
    keep = torch.zeros(2, 6, dtype=torch.bool)
    assert fill_bucket(keep, counts, (4, 12), torch.zeros(6)) == (keep, counts)


def test_no_token_outside_the_active_ones_is_added():
    keep, inside = torch.zeros(2, 6, dtype=torch.bool), torch.tensor([True, True, False, False, True, False])
    active = active_tokens(inside.view(2, 3), None, CPU)
    keep[0, 0] = True
    filled, counts = fill_bucket(keep, [1, 0], (4, 12), torch.tensor([9, 9, 0, 0, 9, 0]), active)
    assert counts == [1, 3]
    assert filled[1].equal(inside)
    filled, counts = fill_bucket(keep, [1, 0], (8, 12), torch.zeros(6, dtype=torch.long), active)
    assert counts == [3, 3]  # they do not fill it
    assert filled.equal(inside.expand(2, 6))


def test_blocks_with_equal_ages_refresh_different_tokens_in_turn():
    """All positions within as many blocks as it takes, no two neighbours in one."""
    keep, computed = torch.zeros(1, 40, dtype=torch.bool), torch.zeros(40, dtype=torch.long)
    keep[0, 7] = True
    seen = []
    for block in range(1, 4):
        filled, _ = fill_bucket(keep, [1], (14, 40), computed)
        seen.append(filled.nonzero()[:, 1].tolist())
        computed[filled[0]] = block
    assert sorted({position for positions in seen for position in positions}) == list(range(40))


def edited_blocks(parameters, **options):
    session: EditSession[int] = EditSession(tiny_models(), parameters, **options)
    parts = [session.push(clip, range(12)) for clip in moving_square(72).split(12)]
    return torch.cat([part.frames for part in parts]), [block.keep_ratio for part in parts for block in part.blocks]


def test_a_bucket_of_everything_is_the_unpruned_model():
    parameters = Parameters(prompt="a", pruning=Pruning(detector="anchor", threshold=20))
    unpruned, _ = edited_blocks(replace(parameters, pruning=Pruning(enabled=False)))
    pruned, ratios = edited_blocks(parameters, buckets=[])
    assert ratios == [1.0] * 6
    assert torch.equal(pruned, unpruned)


def test_spare_tokens_are_refreshed_and_reported():
    parameters = Parameters(prompt="a", pruning=Pruning(detector="anchor", threshold=20))
    exact, least = edited_blocks(parameters, buckets=range(1, 72))
    frames, ratios = edited_blocks(parameters, buckets=[40])
    assert not torch.equal(frames, exact)
    assert {round(72 * ratio) for ratio in ratios[1:]} == {40}
    assert all(0 < ratio < 40 / 72 for ratio in least[1:])


@pytest.mark.parametrize("detector", ["anchor", "lipar"])
def test_a_refreshed_position_is_as_if_it_had_been_kept(detector):
    pruning = Pruning(detector=detector, tau=2, tau2=4)
    session: EditSession[int] = EditSession(tiny_models(), Parameters(prompt="a", pruning=pruning))
    still = moving_square(1).repeat(12, 1, 1, 1)
    session.push(still, range(12))
    detector = session.state.detector
    positions = torch.zeros_like(detector.computed, dtype=torch.bool)
    positions[1, 2] = True
    session.push(still, range(12))
    with torch.inference_mode():
        detector.refresh(positions)
    assert detector.computed[1, 2] == 1
    assert not detector.computed[~positions].any()
