"""What schemathesis cannot draw: sessions that there are, offers that can be used. Loaded by its command line."""

import os

import schemathesis
from schemathesis.hooks import HookContext

OFFER = os.environ.get("LIPAR_TEST_OFFER", "")
LIVE, OTHERS = "studio", ("stage", "attic")  # one that is live all the time; ones that are created and deleted
ENDING = ("DELETE", "park", "resume")  # what would end or take over the live one
turns = iter(range(10**9))


def every(count: int) -> bool:
    """Whether it is one of so many times."""
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
    """An offer that can be used in place of a text that is none: in a body that is not to be refused for its form."""
    if case.meta is None or not case.meta.generation.mode.is_positive or every(2):
        return
    if isinstance(case.body, dict) and "sdp" in case.body:
        name = {"name": OTHERS[next(turns) % 2]} if "name" in case.body else {}
        case.body = case.body | {"sdp": OFFER} | name
    elif isinstance(case.body, str):
        case.body = OFFER
