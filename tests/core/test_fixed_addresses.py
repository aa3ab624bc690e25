"""What a session's passes read and write stays where it is, as CUDA graphs need it."""

import pytest
import torch
from torch import Tensor

from lipar_core.parameters import Parameters, Pruning
from lipar_core.runtime.fixed_tensors import FixedTensors, leaves
from lipar_core.session import EditSession
from tests.tiny import moving_square, tiny_models

BLOCK = 12
CHANGES = [
    {"prompt": "an oil painting"},
    {"prompt": "neon", "transition": {"mode": "blend", "blocks": 2}},
    {"pruning": {"threshold": 3}},
    {"pruning": {"detector": "lipar", "refresh_last_frame": False}},
    {"strength": 0.3},
    {"denoising_steps": [500, 300, 100], "seed": 4},
    {"region": {"box": [0, 0, 0.5, 1]}},
    {"region": {"box": None}},
    {"reset": True},
    {},
]


def addresses(session: EditSession[int]) -> dict[str, int]:
    passes = session.passes
    parts = {
        "cache": vars(passes.cache),
        "buffers": vars(passes.buffers),
        "tokens": vars(passes.tokens),
        "noise": vars(passes.noise),
    }
    owned = {f"{name}.{key}": value for name, part in parts.items() for key, value in part.items() if is_storage(key)}
    owned |= {"text": passes.text.value, "modulation": passes.modulation.value}
    tensors = {name: [leaf for leaf in leaves(value) if isinstance(leaf, Tensor)] for name, value in owned.items()}
    return {f"{name}{i}": leaf.data_ptr() for name, values in tensors.items() for i, leaf in enumerate(values)}


def is_storage(key: str) -> bool:
    """Not a view of the tokens of one block, and not what is read back on the host."""
    return key not in ("rows", "rotary", "source", "slots", "active", "_active_rows", "_visible", "_loaded")


def test_addresses_stay_over_blocks_changes_and_resets():
    pruning = Pruning(detector="anchor", threshold=20)
    session: EditSession[int] = EditSession(tiny_models(), Parameters(prompt="a", pruning=pruning))
    clip = moving_square(BLOCK)
    session.push(clip, range(BLOCK))
    session.finish_block()
    before = addresses(session)
    x0 = {"buffers._x00", "buffers._x01"}  # two take turns
    assert x0 | {"cache.k_rows0", "noise.steps0", "tokens._k0", "text0", "modulation0"} < before.keys()
    for change in CHANGES:
        session.update(change)
        for _ in range(2):
            session.push(clip, range(BLOCK))
            session.finish_block()
            after = addresses(session)
            assert {after.pop(name) for name in x0} == {before[name] for name in x0}
            assert {name: address for name, address in before.items() if name not in x0}.items() <= after.items()


def test_a_value_of_another_layout_gets_other_addresses():
    fixed: FixedTensors[tuple[object, ...]] = FixedTensors()
    assert not fixed.set((torch.ones(2), 1.0))
    first = fixed.value[0]
    assert fixed.set((torch.zeros(2), 1.0))
    assert fixed.value[0] is first
    assert not first.any()
    for other in ((torch.zeros(3), 1.0), (torch.zeros(3), 2.0)):
        assert not fixed.set(other)
    assert fixed.value[0] is not first


@pytest.mark.parametrize("enabled", [True, False])
def test_x0_of_the_block_before_is_not_overwritten(enabled):
    session: EditSession[int] = EditSession(
        tiny_models(), Parameters(prompt="a", pruning=Pruning(enabled=enabled, tau=0.4, tau2=0.8))
    )
    for clip in moving_square(3 * BLOCK).split(BLOCK):
        before = session.state.previous
        copied = None if before is None else before.clone()
        session.push(clip, range(BLOCK))
        assert copied is None or torch.equal(before, copied)
