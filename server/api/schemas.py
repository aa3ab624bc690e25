"""HTTP bodies."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from lipar_core.acknowledgement import PromptTokens
from server.api.struct_bodies import struct_body
from server.control.tokens import TOKEN_PATTERN

NAME_PATTERN = "^[A-Za-z0-9_-]{1,64}$"
MAX_SIZE = 20  # characters of WIDTHxHEIGHT
SIZE_HELP = "picture size, WIDTHxHEIGHT, one of the preset's `sizes`; the server's default if omitted"
MAX_SDP = 200_000  # characters; a browser's offer has about 5,000


class Offer(BaseModel):
    """A browser's offer."""

    model_config = ConfigDict(extra="forbid")

    sdp: str = Field(max_length=MAX_SDP)
    type: Literal["offer"]
    parameters: dict[str, Any] = Field(default_factory=dict, description="changes to the preset's live parameters")
    size: str | None = Field(None, max_length=MAX_SIZE, description=SIZE_HELP)
    name: str | None = Field(None, pattern=NAME_PATTERN, description="the session's id; random if omitted")
    token: str | None = Field(
        None,
        pattern=TOKEN_PATTERN,
        description="the token of an ended session, with its id as `name`: recreates it with the same view_token",
    )


class ResumeOffer(BaseModel):
    """A browser's offer on a new connection of an existing session."""

    model_config = ConfigDict(extra="forbid")

    token: str | None = Field(
        None, max_length=100, description="the session's token, if the Authorization header cannot be sent"
    )
    sdp: str = Field(max_length=MAX_SDP)
    type: Literal["offer"]


class ParkRequest(BaseModel):
    """The request of a page that is being closed or hidden."""

    model_config = ConfigDict(extra="forbid")

    token: str | None = Field(
        None, max_length=100, description="the session's token, if the Authorization header cannot be sent"
    )


class AccessInfo(BaseModel):
    """The role of a request's token."""

    role: Literal["none", "viewer", "editor", "admin"]
    session: str | None = Field(description="the only session for which the role is granted; null: all sessions")
    token_required: bool = Field(description="false: programs on this machine and this server's page need no token")


class Answer(BaseModel):
    """The SDP answer, and the session's id, tokens and parameters."""

    id: str
    token: str = Field(description="editor token: change, resume and end the session")
    view_token: str = Field(description="viewer token: watch the session only")
    sdp: str
    type: Literal["answer"] = "answer"
    parameters: dict[str, Any]
    size: str = Field(description="of the session's picture, WIDTHxHEIGHT")


class AudioStats(BaseModel):
    """Audio packet counters of a session, and its audio delay."""

    received_packets: int
    forwarded_packets: int
    dropped_packets: int = Field(
        description="late, or dropped from a full queue; not counting packets received while paused"
    )
    delay_ms: int | None = Field(description="from a packet's arrival to its departure; follows the video's latency")


class Stats(BaseModel):
    """Statistics of a session. Rates are over the last three seconds."""

    fps_in: float
    fps_out: float
    model_fps: float
    keep_ratio: float | None
    speed_up: float | None = Field(
        description="estimated time of a block computed in full / of one like the newest; null: not known yet"
    )
    noise_levels: float | None = Field(
        description="sigma of the source's noise, levels of 255, estimated by the detector `anchor`; null under `lipar`"
    )
    latency_ms: int | None = Field(description="from a camera frame's arrival to its edited frame's departure")
    latency_stages_ms: dict[str, float] = Field(
        description="medians of the newest frames: transport_in, wait, model, pacing, encode, transport_out"
    )
    dropped_frames: int = Field(
        description="dropped in the pipeline, or for a connection whose queue was full; since the session was created"
    )
    counters: dict[str, int] = Field(
        description="monotonic since the session was created: frames, blocks, audio packets, changes, connections"
    )
    undecodable_frames: int = Field(
        description="received frames that could not be decoded, since the session was created"
    )
    queues: dict[str, int] = Field(description="frames waiting in each queue; every queue is bounded")
    audio: AudioStats
    block: int | None
    queue_ms: float | None = Field(
        description="from the arrival of the newest block's last frame to the start of its editing"
    )
    stage_ms: dict[str, float]


class ModelInfo(BaseModel):
    """The model of a session: enough to reproduce the edit with `lipar edit`."""

    preset: str
    size: str = Field(description="picture size, WIDTHxHEIGHT")
    dtype: str | None = Field(
        description="dtype of each type of operation, as for `--dtype`; null until the model is loaded"
    )
    worker: int = Field(description="index of the model process that edits it, as in `/readyz`")
    device: str = Field(description="of that process")
    sharing: int = Field(description="sessions that share this process's model now, this one included")


class SessionStatus(BaseModel):
    """The current state of a session."""

    id: str
    state: Literal["connecting", "live", "paused", "parked", "stalled", "model_restarting", "failed"]
    reason: str | None
    parameters: dict[str, Any]
    prompt_tokens: Annotated[PromptTokens, *struct_body(PromptTokens)] | None = Field(
        description="null until a prompt has been encoded"
    )
    viewers: int = Field(description="connected viewers, not counting the editor")
    model: ModelInfo
    stats: Stats


class WorkerInfo(BaseModel):
    """A model process and the sessions that it edits."""

    index: int
    device: str
    state: Literal["loading", "ready", "failed", "stopped"] = Field(
        description="`loading` also while it is restarted; `failed`: its model cannot be loaded"
    )
    reason: str = Field(description="why it takes no new session now; empty if it does")
    sessions: int
    ready_after_s: float | None = Field(
        description="seconds from the start of its process until it was ready; null until then"
    )


class Readiness(BaseModel):
    """Whether a session can be created now: at least one worker is ready."""

    ready: bool
    reason: str = ""
    loading_s: float | None = Field(description="seconds since the model began to load; null if none is loading")
    workers: list[WorkerInfo]


class StyleInfo(BaseModel):
    name: str
    prompt: str
    picture: str | None = Field(description="address of a small picture of the style, relative to the page")


class PresetInfo(BaseModel):
    """The running preset, for the page."""

    name: str
    description: str
    vocabulary_note: str
    width: int = Field(description="of the picture of a session that names no size")
    height: int
    sizes: list[str] = Field(description="WIDTHxHEIGHT: those that a session may have")
    frames_per_block: int
    styles: list[StyleInfo]
    parameters: dict[str, Any] = Field(description="initial parameters of a live session")
    first_sigma: float = Field(description="value of `strength` while it is null")
    max_sessions: int
