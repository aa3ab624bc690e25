"""HTTP bodies."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from lipar_core.acknowledgement import PromptTokens
from server.api.struct_bodies import struct_body
from server.control.tokens import TOKEN_PATTERN

NAME_PATTERN = "^[A-Za-z0-9_-]{1,64}$"
MAX_SDP = 200_000  # characters; a browser's offer has some 5,000


class Offer(BaseModel):
    """A browser's offer."""

    model_config = ConfigDict(extra="forbid")

    sdp: str = Field(max_length=MAX_SDP)
    type: Literal["offer"]
    parameters: dict[str, Any] = Field(default_factory=dict, description="changes to the preset's live parameters")
    name: str | None = Field(None, pattern=NAME_PATTERN, description="the session's id; drawn where it is not given")
    token: str | None = Field(
        None,
        pattern=TOKEN_PATTERN,
        description="the token of an ended session, with its id as `name`: recreates it with the same view_token",
    )


class ResumeOffer(BaseModel):
    """A browser's offer to go on with a session that it has."""

    model_config = ConfigDict(extra="forbid")

    token: str | None = Field(None, max_length=100, description="the session's, where Authorization cannot be sent")
    sdp: str = Field(max_length=MAX_SDP)
    type: Literal["offer"]


class ParkRequest(BaseModel):
    """A page that is going away."""

    model_config = ConfigDict(extra="forbid")

    token: str | None = Field(None, max_length=100, description="the session's, where Authorization cannot be sent")


class AccessInfo(BaseModel):
    """What a request's token lets its bearer do."""

    role: Literal["none", "viewer", "editor", "admin"]
    session: str | None = Field(description="the only session that the role holds in; null: it is the server's")
    token_required: bool = Field(description="false: programs of this machine and this server's page need none")


class Answer(BaseModel):
    """The server's answer, and the session that it opens."""

    id: str
    token: str = Field(description="its editor's: changes, resumes and ends it")
    view_token: str = Field(description="its viewers': lets watch it, and nothing else")
    sdp: str
    type: Literal["answer"] = "answer"
    parameters: dict[str, Any]


class AudioStats(BaseModel):
    """What has become of a session's sound."""

    received_packets: int
    forwarded_packets: int
    dropped_packets: int = Field(description="too late, or more than could be sent; packets of a pause are not counted")
    delay_ms: int | None = Field(description="from a packet's arrival to its departure: the latency of the picture")


class Stats(BaseModel):
    """What a session measures. Rates over the last three seconds."""

    fps_in: float
    fps_out: float
    model_fps: float
    keep_ratio: float | None
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
    undecodable_frames: int = Field(description="that came in and could not be decoded, since the session began")
    queues: dict[str, int] = Field(description="frames that wait, place by place; each place has its limit")
    audio: AudioStats
    block: int | None
    queue_ms: float | None = Field(description="from the arrival of the newest block's last frame to its turn")
    stage_ms: dict[str, float]


class ModelInfo(BaseModel):
    """What edits a session: enough to run the same edit again with `lipar edit`."""

    preset: str
    size: str = Field(description="of the picture, WIDTHxHEIGHT")
    dtype: str | None = Field(description="of each kind of operation, for `--dtype`; null until the model is loaded")


class Status(BaseModel):
    """A session as it is now."""

    id: str
    state: Literal["connecting", "live", "paused", "parked", "stalled", "model_restarting", "failed"]
    reason: str | None
    parameters: dict[str, Any]
    prompt_tokens: Annotated[PromptTokens, *struct_body(PromptTokens)] | None = Field(
        description="null until the model has read a prompt"
    )
    viewers: int = Field(description="connected viewers, without the editor")
    model: ModelInfo
    stats: Stats


class Readiness(BaseModel):
    """Whether a session could be created now."""

    ready: bool
    reason: str = ""


class StyleInfo(BaseModel):
    name: str
    prompt: str


class PresetInfo(BaseModel):
    """What the page needs to know of the preset."""

    name: str
    description: str
    vocabulary_note: str
    width: int
    height: int
    frames_per_block: int
    styles: list[StyleInfo]
    parameters: dict[str, Any] = Field(description="of a new live session")
    first_sigma: float = Field(description="what `strength` is when it is not set")
    max_sessions: int
