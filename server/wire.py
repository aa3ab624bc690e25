"""Commands (web process to model process) and events (model to web): typed messages, msgpack on a pipe.

Frames are passed separately, in the shared-memory rings of `ring.py`.
"""

from multiprocessing.connection import Connection
from typing import Any

import msgspec

from lipar_core.acknowledgement import Acknowledgement, PromptTokens
from lipar_core.parameters import Parameters


class Message(msgspec.Struct, tag=True, kw_only=True):
    """Base of all messages, which are distinguished by their tag."""


# web -> model


class Open(Message):
    """Open a session; its rings exist already."""

    session: str
    incoming: str  # shared-memory names
    outgoing: str
    size: str  # of the picture, WIDTHxHEIGHT, one of the preset's
    parameters: dict[str, Any]
    keep_masks: bool = False  # as for `SendKeepMasks`


class Close(Message):
    """End a session; unknown ones are ignored."""

    session: str


class Change(Message):
    """Change live parameters; answered by `ChangeAcknowledged` or `ChangeRejected` with the same request number."""

    session: str
    request: int
    changes: dict[str, Any]


class FramesPut(Message):
    """Both ways: frames are in the ring that the sender writes; sent after they are copied (see `ring.py`)."""

    session: str
    total: int  # since the session was opened


class FramesTaken(Message):
    """Both ways: frames were copied out of the ring that the sender reads: there is room for others."""

    session: str
    total: int  # since the session was opened


class RegionMask(Message):
    """The region in a source frame, for `region.source` = frames. It may arrive before or after its frame."""

    session: str
    pts: float  # of the frame, as in the ring
    rows: int
    cols: int
    levels: bytes  # one per pixel, row by row: 0 outside, 255 inside; scaled to the whole picture


class SendKeepMasks(Message):
    """Whether `BlockDone` has the keep masks of its frames from now on."""

    session: str
    enabled: bool


class Stop(Message):
    """End the model process."""


# model -> web


class Ready(Message):
    """The models are loaded and have edited a warm-up block."""

    load_ms: float  # reading the weights, on a GPU also compiling and checking its kernels
    warmup_ms: float
    block_ms: float  # the warm-up's, for a block computed in full
    dtype: str  # of each type of operation, in the format of `str(lipar_core.models.precision.Precision)`
    buckets: dict[str, tuple[int, ...]] = {}  # by size of the picture: numbers of tokens that a block may compute


class LoadFailed(Message):
    """The models cannot be loaded: starting again would not help."""

    reason: str


class Exiting(Message):
    """The process exits by itself; a restart may help."""

    reason: str


class Opened(Message):
    """The session is open: its memory is allocated, its prompt queued for the text encoder."""

    session: str


class ChangeAcknowledged(Message):
    """A requested change applies, a new prompt once it is encoded."""

    session: str
    request: int
    acknowledgement: Acknowledgement


class ParametersApplied(Message):
    """From this block on these parameters apply: sent for each change, also for the part of one that waits."""

    session: str
    block: int
    parameters: Parameters
    reset: bool


class PromptEncoded(Message):
    """The session's current prompt is encoded."""

    session: str
    tokens: PromptTokens


class ChangeRejected(Message):
    session: str
    request: int
    path: str
    value: Any
    allowed: str


class FrameMask(msgspec.Struct):
    """The keep mask of an edited frame, which is that of its latent frame."""

    pts: float  # of the frame, as in the ring
    bits: bytes  # one per token, row by row, the first in the most significant bit; 1 = computed


class BlockDone(Message):
    """A block was edited (or, while paused, frames were repeated: `stage_ms` is empty)."""

    session: str
    block: int
    frames: int  # put into the outgoing ring; `FramesPut` was sent before
    dropped: int  # dropped because the ring was full
    keep_ratio: float
    stage_ms: dict[str, float]
    queue_ms: float  # from the arrival of the block's newest frame to the start of its editing
    edit_ms: float  # from taking the frames to putting the edited ones
    clean_ms: float = 0.0  # the clean pass of the block before, after its frames were put
    active_ratio: float = 1.0  # of tokens that could be computed: those of its region
    noise_levels: float | None = None  # sigma of the source's noise, levels of 255; None: not estimated
    masks: list[FrameMask] = []  # of its frames, if `SendKeepMasks` asked for them


class SessionFailed(Message):
    """The session failed and was closed in the model process."""

    session: str
    reason: str


class Loading(Message):
    """What the model process is doing before `Ready`: it makes progress, however long that takes."""

    activity: str


class Heartbeat(Message):
    """The model process is alive; sent when nothing else was sent for a while."""


Command = Open | Close | Change | FramesPut | FramesTaken | RegionMask | SendKeepMasks | Stop
Event = (
    Loading
    | Ready
    | LoadFailed
    | Exiting
    | Opened
    | FramesPut
    | FramesTaken
    | ChangeAcknowledged
    | ParametersApplied
    | PromptEncoded
    | ChangeRejected
    | BlockDone
    | SessionFailed
    | Heartbeat
)

_encoder = msgspec.msgpack.Encoder()
_command_decoder: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)
_event_decoder: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)


def send(pipe: Connection, message: Command | Event) -> None:
    """Write a message; raises `OSError` when the other end is closed."""
    pipe.send_bytes(_encoder.encode(message))


def receive_command(pipe: Connection) -> Command:
    """Read a message in the model process; raises `EOFError` when the web process has ended."""
    return _command_decoder.decode(pipe.recv_bytes())


def receive_event(pipe: Connection) -> Event:
    """Read a message in the web process; raises `EOFError` when the model process has ended."""
    return _event_decoder.decode(pipe.recv_bytes())
