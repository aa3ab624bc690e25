"""Errors in the OpenAPI document: one shape, and a description per status code."""

from typing import Any

from pydantic import BaseModel, Field

DESCRIPTIONS = {
    400: "the body cannot be read",
    401: "the token is missing or unknown",
    403: "the token lacks the permission; or the request came from a page of another origin",
    404: "the session or viewer does not exist or has ended",
    406: "no common codec",
    409: "the name or the token is that of an open session; or nothing is live yet",
    412: "If-Match is not the ETag of the resource",
    413: "the body is too long",
    415: "the body's media type is not the documented one",
    422: "a value is rejected, or the offer cannot be used; nothing was changed",
    428: "If-Match is missing",
    503: "the model is loading or restarting, or no slot, memory or network address is available",
}


class ErrorDetail(BaseModel):
    """Why a request was rejected."""

    message: str
    path: str | None = Field(None, description="path of the rejected value")
    value: Any = Field(None, description="the rejected value")
    allowed: str | None = Field(None, description="the allowed values")


class ErrorBody(BaseModel):
    """The body of every error."""

    detail: ErrorDetail


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route or a router."""
    return {status: {"model": ErrorBody, "description": DESCRIPTIONS[status]} for status in statuses}
