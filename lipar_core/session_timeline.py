"""The timeline of a session: what it began with, and each change of its parameters with the block where it applied."""

from itertools import pairwise
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

import lipar_core
from lipar_core.errors import ConfigError, ParameterError
from lipar_core.kinds.interfaces import Positive
from lipar_core.parameters import Parameters
from lipar_core.parsing import ConfigStruct, parse


class TimelineEntry(ConfigStruct, frozen=True, kw_only=True):
    """From this block on these parameters apply."""

    block: Annotated[int, Meta(ge=0)]
    parameters: Parameters  # all of them: no entry depends on another
    reset: bool = False  # the stream is restarted before this block


class SessionTimeline(ConfigStruct, frozen=True, kw_only=True):
    """A session's entries, in the order of their blocks, and the model that edited it."""

    preset: str
    size: str  # of the picture, WIDTHxHEIGHT
    dtype: str | None = None  # as for `--dtype`; None: the model was never loaded
    buckets: tuple[Positive, ...] = ()  # numbers of tokens that a block may compute; (): the device's own
    entries: Annotated[tuple[TimelineEntry, ...], Meta(min_length=1)]  # the first: what the session began with
    omitted: Annotated[int, Meta(ge=0)] = 0  # newer changes that were not recorded, because there were too many
    version: str = lipar_core.__version__  # of this package

    def __post_init__(self) -> None:
        blocks = [entry.block for entry in self.entries]
        if blocks[0] != 0 or any(a >= b for a, b in pairwise(blocks)):
            raise ParameterError("entries", blocks[:20], "must begin at block 0, with increasing blocks")


def read_timeline(path: Path) -> SessionTimeline:
    """Read a timeline from a JSON file; raises `ConfigError` naming the file and the invalid key."""
    try:
        return parse(msgspec.json.decode(path.read_bytes()), SessionTimeline)
    except OSError as error:
        raise ConfigError(f"timeline {path}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"timeline {path}: not JSON ({error})") from error
    except (ConfigError, ParameterError) as error:
        raise ConfigError(f"timeline {path}: {error}") from error
