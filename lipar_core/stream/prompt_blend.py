"""The transition of the prompt's embedding from one prompt to the next, block by block."""

from torch import Tensor


class PromptBlend:
    """Interpolates linearly between two contexts [text_length, text_dim] over a number of blocks."""

    def __init__(self, start: Tensor, end: Tensor, blocks: int) -> None:
        """blocks: until the end is reached; 1 reaches it at the next block."""
        self.start = start
        self.end = end
        self.blocks = blocks
        self.done = 0  # blocks

    @property
    def is_active(self) -> bool:
        """Whether the next block has another context than this one."""
        return self.done < self.blocks

    def advance(self) -> Tensor:
        """The context of the next block."""
        assert self.is_active
        self.done += 1
        return self.context

    @property
    def context(self) -> Tensor:
        """The context of the current block."""
        return self.end if self.done == self.blocks else self.start.lerp(self.end, self.done / self.blocks)
