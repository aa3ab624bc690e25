"""What errors look like in the OpenAPI document: one shape, and the statuses that a route may answer with."""

from typing import Any

from pydantic import BaseModel, Field

DESCRIPTIONS = {
    400: "the body cannot be read",
    401: "the token is missing or not known",
    403: "the token does not give the right to this; or the request came from a page of another origin",
    404: "the session, or the viewer, is not known: it has ended, or never was",
    406: "no codec in common",
    409: "an open session has the name or the token; or nothing is live yet",
    412: "If-Match is not the ETag of the resource",
    413: "the body is too long",
    415: "the body has another media type than the one that is documented",
    422: "a value is refused, or an offer cannot be used; nothing was changed",
    428: "If-Match is missing",
    503: "the model is loading or restarting, or something has run out: slots, memory, network addresses",
}


class ErrorDetail(BaseModel):
    """Why a request is refused."""

    message: str
    path: str | None = Field(None, description="of the value that is refused")
    value: Any = Field(None, description="what was given")
    allowed: str | None = Field(None, description="what may be given")


class ErrorBody(BaseModel):
    """The body of every error."""

    detail: ErrorDetail


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For `responses` of a route or a router."""
    return {status: {"model": ErrorBody, "description": DESCRIPTIONS[status]} for status in statuses}
