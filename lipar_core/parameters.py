"""Parameters that may change while a stream runs, with their ranges.

The structs are the only schema: `merge` validates against them, the server derives JSON Schema from them.
"""

from itertools import pairwise
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from lipar_core.errors import ParameterError
from lipar_core.fields import describe
from lipar_core.parsing import ConfigStruct
from lipar_core.region import Region
from lipar_core.transition import Transition
from lipar_core.weighted_prompt import MAX_PROMPTS, WeightedPrompt, check_prompts, check_text, normalised

Fit = Literal["crop", "fit", "stretch"]  # how a picture is brought to another shape


class Pruning(ConfigStruct, frozen=True, kw_only=True):
    """How much of the picture is recomputed."""

    enabled: Annotated[
        bool, describe("Reuse unchanged parts", "off: every token is computed, with the same window", "pruning")
    ] = True
    detector: Annotated[
        Literal["anchor", "lipar"],
        describe(
            "Change detector",
            "anchor: change of the source's pixels since a patch was last computed; lipar: the paper's rule on latents",
            "more",
        ),
    ] = "lipar"  # default: presets without a detector have its thresholds
    threshold: Annotated[
        float,
        describe(
            "Ignore changes below",
            "RMS change of a patch's pixels since it was last computed, levels of 255: higher is faster, less exact",
            "pruning",
            unit="levels",
            curve=2,
            detector="anchor",
            ge=0,
            le=64,
        ),
    ] = 8.0
    follow_source: Annotated[
        float,
        describe(
            "Reused parts follow the source",
            "the part of a smaller change of the source that a reused patch takes over; 0: it stays as it was computed",
            "more",
            unit="percent",
            detector="anchor",
            ge=0,
            le=1,
        ),
    ] = 0.0
    tau: Annotated[
        float,
        describe(
            "Change threshold",
            "change since the previous frame above which a patch is computed, in units of the preset's latents",
            "pruning",
            curve=2,
            detector="lipar",
            ge=0,
            le=2,
        ),
    ] = 0.149
    tau2: Annotated[
        float,
        describe(
            "Drift threshold",
            "the same since the patch was last computed: limits slow drift",
            "pruning",
            curve=2,
            detector="lipar",
            ge=0,
            le=4,
        ),
    ] = 0.3
    min_keep: Annotated[
        float,
        describe(
            "Minimum recomputed",
            "minimum ratio of tokens computed in a frame that has any",
            "pruning",
            unit="percent",
            ge=0,
            le=1,
        ),
    ] = 0.0
    refresh_last_frame: Annotated[
        bool,
        describe("Refresh last frame", "the last denoising step computes a block's last latent frame in full", "more"),
    ] = True
    max_age: Annotated[
        int,
        describe(
            "Recompute after",
            "blocks after which an unchanged patch is computed again; 0: no limit",
            "more",
            unit="blocks",
            curve=2,
            ge=0,
            le=1000,
        ),
    ] = 0
    bound_drift: Annotated[
        bool,
        describe(
            "Bound drift",
            "patches above tau2 are computed even if the mask's clean-up removes them",
            "more",
            detector="lipar",
        ),
    ] = False
    recovery: Annotated[
        bool,
        describe("Attention recovery", "off: pruned tokens are left out of attention (for comparison)", "more"),
    ] = True


Smoothing = Annotated[
    float,
    describe(
        "Reduce flicker",
        "the part of its previous value that an edited pixel keeps while the source around it rests; 0: off",
        "more",
        unit="percent",
        ge=0,
        le=0.95,
    ),
]


class Parameters(ConfigStruct, frozen=True, kw_only=True):
    """Everything that may change live. `strength` and `denoising_steps` exclude each other."""

    prompt: Annotated[str, describe("Prompt", "describes the edited picture", min_length=1, max_length=2000)]
    prompts: Annotated[
        Annotated[tuple[WeightedPrompt, ...], Meta(min_length=1, max_length=MAX_PROMPTS)] | None,
        describe(
            "Prompts",
            "prompts with weights, whose embeddings are mixed, instead of one prompt; setting them sets prompt to the "
            "first one's text, and setting prompt alone unsets them",
        ),
    ] = None
    transition: Transition = Transition()
    strength: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None,
        describe(
            "Noise",
            "sigma of the first denoising step: 0 is the codec round trip only, 1 keeps no detail of the source; null: "
            "set by the preset or denoising_steps",
            "edit",
            unit="percent",
        ),
    ] = None
    fit: Annotated[
        Fit,
        describe(
            "Fit",
            "how the source's picture is fitted to the model's size: crop fills it, fit shows everything, with black "
            "bars, stretch distorts",
            "edit",
        ),
    ] = "crop"
    denoising_steps: Annotated[
        Annotated[tuple[Annotated[int, Meta(ge=1, le=999)], ...], Meta(min_length=1, max_length=8)] | None,
        describe("Denoising steps", "timesteps, decreasing, instead of strength; setting one unsets the other"),
    ] = None
    seed: Annotated[int, describe("Seed", "random seed of the noise", "more", ge=0, le=2**32 - 1)] = 0
    smoothing: Smoothing = 0.0
    pruning: Pruning = Pruning()
    region: Region = Region()
    paused: Annotated[bool, describe("Paused", "the last frame is repeated and nothing is computed")] = False

    def __post_init__(self) -> None:
        check_text("prompt", self.prompt)
        if self.prompts is not None:
            check_prompts(self.prompts)
            if self.prompt != self.prompts[0].text:
                raise ParameterError("prompt", self.prompt, "must be the text of prompts[0], if set with prompts")
        steps = self.denoising_steps
        if steps is not None and any(a <= b for a, b in pairwise(steps)):
            raise ParameterError("denoising_steps", list(steps), "must be decreasing")

    @property
    def weighted_prompts(self) -> tuple[WeightedPrompt, ...]:
        """`prompts`, or else `prompt` alone."""
        return self.prompts or (WeightedPrompt(text=self.prompt, weight=1.0),)

    @property
    def prompt_mix(self) -> tuple[WeightedPrompt, ...]:
        """The same with weights that sum to 1, without those that are 0."""
        return normalised(self.weighted_prompts)

    @property
    def texts(self) -> tuple[str, ...]:
        """Of all prompts, those of weight 0 included."""
        return tuple(prompt.text for prompt in self.weighted_prompts)


def needs_full_block(old: Parameters, new: Parameters) -> bool:
    """Whether a change requires the next block to be computed in full, because reused tokens would be outdated.

    Prompt, schedule and noise determine a token's content: a reused token would keep the old look as long as its source
    is static. One that has not followed its source would not make up for it. When recovery is turned on, the cache must
    have no absent tokens; when it is turned off, no recovered keys may be left in it. All other parameters only decide
    which tokens are computed.
    """
    return _token_settings(old) != _token_settings(new)


def _token_settings(parameters: Parameters) -> tuple[object, ...]:
    steps = parameters.strength, parameters.denoising_steps
    pruning = parameters.pruning
    return parameters.prompt_mix, *steps, parameters.seed, pruning.recovery, pruning.follow_source


def json_schema() -> dict[str, Any]:
    """JSON Schema of the parameters, an object at its root, with the hints for controls."""
    schema = msgspec.json.schema(Parameters)
    root: dict[str, Any] = schema["$defs"].pop(Parameters.__name__)
    return root | {"$defs": schema["$defs"]}
