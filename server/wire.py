"""What the web process and the model process say to each other: typed messages, msgpack on a pipe.

Frames travel beside the messages, in the shared-memory rings of `ring.py`.
"""

from multiprocessing.connection import Connection
from typing import Any

import msgspec


class Message(msgspec.Struct, tag=True, kw_only=True):
    """Base of all messages; the tag tells them apart."""


# web -> model


class Open(Message):
    """Begin a session: its rings are there already."""

    session: str
    incoming: str  # shared-memory names
    outgoing: str
    parameters: dict[str, Any]


class Close(Message):
    """End a session; unknown ones are ignored."""

    session: str


class Change(Message):
    """Change live parameters; answered by `Changed` or `Refused` with the same request number."""

    session: str
    request: int
    changes: dict[str, Any]


class FramesPut(Message):
    """Both ways: frames are in the ring that the sender writes; sent after they are there (see `ring.py`)."""

    session: str
    total: int  # since the session was opened


class FramesTaken(Message):
    """Both ways: frames were copied out of the ring that the sender reads: there is room for others."""

    session: str
    total: int  # since the session was opened


class Stop(Message):
    """End the model process."""


# model -> web


class Ready(Message):
    """The models are loaded and have edited a warm-up block."""

    warmup_ms: float
    block_ms: float  # of it, for a block whose every token is computed
    dtype: str  # of each kind of operation, as `lipar_core.models.precision` spells it


class NotLoaded(Message):
    """The models cannot be loaded: starting again would not help."""

    reason: str


class Ending(Message):
    """The process ends by itself, because of something that a new one may do better."""

    reason: str


class Opened(Message):
    """The session is there: its memory is allocated, and its prompt on its way to the text encoder."""

    session: str


class Changed(Message):
    session: str
    request: int
    block: int
    parameters: dict[str, Any]
    pending: bool


class PromptTokens(Message):
    """How much of the prompt that now holds the text encoder reads."""

    session: str
    used: int
    given: int  # more than `used` where the end of the prompt is not read


class Refused(Message):
    session: str
    request: int
    path: str
    value: Any
    allowed: str


class BlockDone(Message):
    """A block was edited (or, while paused, frames were repeated: `stage_ms` is empty)."""

    session: str
    block: int
    frames: int  # put into the outgoing ring; `FramesPut` was sent before
    dropped: int  # not put there because it was full
    keep_ratio: float
    stage_ms: dict[str, float]
    busy_ms: float  # from taking the frames to having put the edited ones
    noise_levels: float | None = None  # sigma of the source's noise, levels of 255; None: not estimated


class SessionFailed(Message):
    """The session broke in the model process and is gone there."""

    session: str
    reason: str


class Beat(Message):
    """The model process is alive; sent when nothing else is to be said."""


Down = Open | Close | Change | FramesPut | FramesTaken | Stop
Up = (
    Ready
    | NotLoaded
    | Ending
    | Opened
    | FramesPut
    | FramesTaken
    | Changed
    | PromptTokens
    | Refused
    | BlockDone
    | SessionFailed
    | Beat
)

_encoder = msgspec.msgpack.Encoder()
_down: msgspec.msgpack.Decoder[Down] = msgspec.msgpack.Decoder(Down)
_up: msgspec.msgpack.Decoder[Up] = msgspec.msgpack.Decoder(Up)


def send(pipe: Connection, message: Down | Up) -> None:
    """Write a message; raises `OSError` when the other end is gone."""
    pipe.send_bytes(_encoder.encode(message))


def receive_down(pipe: Connection) -> Down:
    """Read a message in the model process; raises `EOFError` when the web process is gone."""
    return _down.decode(pipe.recv_bytes())


def receive_up(pipe: Connection) -> Up:
    """Read a message in the web process; raises `EOFError` when the model process is gone."""
    return _up.decode(pipe.recv_bytes())
