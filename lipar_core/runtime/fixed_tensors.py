"""Tensors whose addresses stay while their contents change, as CUDA graphs need it."""

import copy
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


class FixedTensors(Generic[T]):
    """A value made of tensors; a new one is copied to the addresses of the one before."""

    def __init__(self) -> None:
        self.value: T | None = None

    def set(self, new: T) -> bool:
        """Returns whether all addresses have stayed: they change if anything but the tensors' contents differs."""
        before, after = list(leaves(self.value)), list(leaves(new))
        if list(map(_layout, before)) != list(map(_layout, after)):
            self.value = copy.deepcopy(new)
            return False
        if tensors := _tensors(before):
            torch._foreach_copy_(tensors, _tensors(after))
        return True


def leaves(value: object) -> Iterator[object]:
    """What a value of tuples, lists and dataclasses is made of."""
    if isinstance(value, (tuple, list)):
        for part in value:
            yield from leaves(part)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from leaves(getattr(value, field.name))
    else:
        yield value


def _tensors(values: list[object]) -> list[Tensor]:
    return [value for value in values if isinstance(value, Tensor)]


def _layout(value: object) -> object:
    """What must be equal of two leaves to copy one to the other's address."""
    return (value.shape, value.dtype, value.device) if isinstance(value, Tensor) else value
