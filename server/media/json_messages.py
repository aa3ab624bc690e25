"""JSON that another program has sent over a data channel."""

import json
from typing import Any


def read_json(message: str | bytes) -> Any:
    """The value, or None where it is no JSON, or none that can be read here.

    An error that left a channel's listener would end the whole connection in aiortc. `json` has more than one:
    RecursionError past some thousand brackets, ValueError at 4300 digits and at bytes that are not Unicode.
    """
    try:
        return json.loads(message)
    except (ValueError, RecursionError):
        return None
