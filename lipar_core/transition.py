"""The transition to a new prompt, as a live parameter."""

from typing import Annotated, Literal

from lipar_core.fields import describe
from lipar_core.parsing import ConfigStruct


class Transition(ConfigStruct, frozen=True, kw_only=True):
    """What a new prompt does to the KV cache."""

    mode: Annotated[
        Literal["recache", "keep", "cut", "blend"],
        describe(
            "On a new prompt",
            "the KV cache is recomputed under the new prompt, kept, or reset with the stream; blend: the prompt's "
            "embedding moves to the new one over several blocks",
            "more",
        ),
    ] = "recache"
    blocks: Annotated[
        int,
        describe("Blend over", "blocks until mode blend reaches the new prompt", "more", unit="blocks", ge=1, le=100),
    ] = 8
