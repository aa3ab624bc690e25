"""Hooks of schemathesis that supply existing sessions and valid offers; loaded by its command line."""

import os

import schemathesis
from schemathesis.hooks import HookContext

OFFER = os.environ.get("LIPAR_TEST_OFFER", "")
LIVE, OTHERS = "studio", ("stage", "attic")  # a session that stays live; sessions that are created and deleted
ENDING = ("DELETE", "park", "resume")  # requests that would end or replace the live session
turns = iter(range(10**9))


def every(count: int) -> bool:
    """Whether a random draw selects one case of that many."""
    return next(turns) % count == 0


@schemathesis.serializer("application/sdp", "application/trickle-ice-sdpfrag")
def as_text(context: object, value: object) -> bytes | str:
    return value if isinstance(value, (bytes, str)) else str(value)


@schemathesis.hook
def map_path_parameters(context: HookContext, value: dict[str, object] | None) -> dict[str, object] | None:
    if value and "session_id" in value and every(2):
        label = context.operation.label if context.operation else ""
        ends = any(word in label for word in ENDING)
        value["session_id"] = OTHERS[next(turns) % 2] if ends else LIVE
    return value


@schemathesis.hook
def before_call(context: HookContext, case: schemathesis.Case, kwargs: dict[str, object]) -> None:
    """Replace the SDP of a well-formed body by a valid offer."""
    if case.meta is None or not case.meta.generation.mode.is_positive or every(2):
        return
    if isinstance(case.body, dict) and "sdp" in case.body:
        name = {"name": OTHERS[next(turns) % 2]} if "name" in case.body else {}
        case.body = case.body | {"sdp": OFFER} | name
    elif isinstance(case.body, str):
        case.body = OFFER
