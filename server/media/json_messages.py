"""Parsing of JSON messages received over a data channel."""

import json
from typing import Any


def read_json(message: str | bytes) -> Any:
    """The parsed value; None if the message is not valid JSON or exceeds the parser's limits.

    An exception in a channel's listener would close the whole connection in aiortc. `json` raises RecursionError for
    deep nesting, ValueError for numbers of more than 4300 digits and for invalid UTF-8.
    """
    try:
        return json.loads(message)
    except (ValueError, RecursionError):
        return None
