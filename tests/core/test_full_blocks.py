"""Which parameter changes need a block that is computed in full."""

import pytest
from msgspec.structs import replace

from lipar_core.parameter_changes import detector_of, to_dict
from lipar_core.parameters import Parameters, Pruning
from lipar_core.session import EditSession
from tests.tiny import moving_square, tiny_models

MODELS = tiny_models()
CLIP = moving_square(40)
SETTINGS = Parameters(prompt="a pencil sketch", pruning=Pruning(tau=0.4, tau2=0.8))

# Every live parameter, a value that differs from SETTINGS, and whether reused tokens would keep what no longer holds.
NEEDS_FULL_BLOCK = {
    "prompt": ("no change", True),
    "prompts": ([{"text": "a pencil sketch", "weight": 0.5}, {"text": "neon", "weight": 0.5}], True),
    "transition.mode": ("keep", False),  # only affects later prompts
    "transition.blocks": (3, False),
    "strength": (0.3, True),
    "denoising_steps": ([300, 200], True),
    "seed": (7, True),  # reused tokens would show the old noise
    "pruning.enabled": (False, True),  # everything is computed while it is off
    "pruning.detector": ("anchor", True),  # the new detector has no anchors yet
    "pruning.threshold": (9.0, False),
    "pruning.follow_source": (0.5, True),  # reused tokens have followed at the old rate
    "pruning.tau": (0.5, False),
    "pruning.tau2": (0.9, False),
    "pruning.min_keep": (0.3, False),
    "pruning.refresh_last_frame": (False, False),
    "pruning.max_age": (9, False),
    "pruning.bound_drift": (True, False),
    "pruning.recovery": (False, True),
    "smoothing": (0.5, False),
    "region.source": ("frames", False),  # without masks
    "region.mode": ("freeze", False),  # without a box or a mask
    "region.box": ([0, 0, 0.5, 1], False),  # outside nothing is computed; inside only what has changed
    "region.mask": ("1x1:eNpjAAAAAQAB", False),  # one black pixel
    "region.feather": (0.1, False),
    "fit": ("stretch", False),  # the frames that arrive are changed, not their tokens
    "paused": (True, None),  # nothing is computed
}


def parameter_names(values: dict[str, object], prefix: str = "") -> list[str]:
    """The dotted paths of all parameters."""
    nested = {name: value for name, value in values.items() if isinstance(value, dict)}
    plain = [prefix + name for name in values if name not in nested]
    return plain + [leaf for name, value in nested.items() for leaf in parameter_names(value, f"{name}.")]


@pytest.mark.parametrize("name", parameter_names(to_dict(SETTINGS)))
def test_changes_that_affect_tokens_compute_a_full_block(name):
    """A new parameter needs a row in this table, and one in docs/api.md."""
    value, whole = NEEDS_FULL_BLOCK[name]
    if whole is None:
        return
    outer, _, inner = name.partition(".")
    detector = detector_of(name) or SETTINGS.pruning.detector
    settings = replace(SETTINGS, pruning=replace(SETTINGS.pruning, detector=detector))
    session: EditSession[int] = EditSession(MODELS, settings)
    session.push(CLIP[:20], range(20))
    session.update({outer: {inner: value} if inner else value})
    report = session.push(CLIP[20:24], range(20, 24)).blocks[0]
    assert (report.keep_ratio == 1.0) is whole


def test_a_static_picture_keeps_nothing_of_the_old_noise():
    """All tokens of the block after the change use the new setting, also in static regions."""
    still = CLIP[:1].expand(48, -1, -1, -1)
    session: EditSession[int] = EditSession(MODELS, SETTINGS)
    session.push(still[:24], range(24))
    session.update({"strength": 0.1})
    report = session.push(still[24:36], range(24, 36)).blocks[0]
    assert report.keep_ratio == 1.0
    assert session.push(still[36:], range(36, 48)).blocks[0].keep_ratio < 1.0
