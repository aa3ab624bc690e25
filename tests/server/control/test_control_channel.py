"""Live parameters over the data channel "control": the same format and errors as over REST."""

import asyncio
import json

import pytest

from lipar_core.acknowledgement import Acknowledgement
from lipar_core.errors import ParameterError
from lipar_core.parameter_changes import merge, to_dict
from lipar_core.parameters import Parameters
from server.control.control_channel import MAX_OPEN_REQUESTS, MAX_REQUEST_CHARACTERS, MAX_UNSENT_BYTES, ControlChannel
from server.errors import Unavailable


class Channel:
    """An open data channel that records sent messages."""

    readyState = "open"  # noqa: N815 - aiortc's names
    bufferedAmount = 0  # noqa: N815

    def __init__(self) -> None:
        self.sent: list[dict[str, object]] = []

    def on(self, event: str, heard) -> None:
        assert event == "message"
        self.hear = heard

    def send(self, text: str) -> None:
        self.sent.append(json.loads(text))


def acknowledgement(block: int, **changes: object) -> Acknowledgement:
    return Acknowledgement(block=block, parameters=merge(Parameters(prompt="a"), changes), pending=False)


async def answers(change, *messages) -> list[dict[str, object]]:
    channel = Channel()
    ControlChannel(channel, change)
    for message in messages:
        channel.hear(message if isinstance(message, (str, bytes)) else json.dumps(message))
    await asyncio.sleep(0.01)
    return channel.sent


async def test_a_change_is_acknowledged_with_its_request():
    async def change(changes):
        return acknowledgement(7, **changes)

    (reply,) = await answers(change, {"request": "a", "changes": {"seed": 3}})
    parameters = to_dict(Parameters(prompt="a", seed=3))
    assert reply == {"request": "a", "block": 7, "parameters": parameters, "pending": False, "prompt_tokens": None}


async def test_errors_name_the_value():
    async def reject(changes):
        raise ParameterError("pruning.tau", -1.0, "must be >= 0 and <= 2")

    async def fail(changes):
        raise Unavailable("the model is loading")

    (reply,) = await answers(reject, {"request": 1, "changes": {"pruning": {"tau": -1}}})
    assert reply["request"] == 1
    assert reply["error"]["path"] == "pruning.tau"
    assert "must be >= 0 and <= 2" in reply["error"]["message"]
    (reply,) = await answers(fail, {"request": 2, "changes": {"seed": 1}})
    assert reply == {"request": 2, "error": {"message": "the model is loading"}}


@pytest.mark.parametrize(
    "message", ["hello", b"\xff", "[]", '{"request": 1}', "x" * (MAX_REQUEST_CHARACTERS + 1), "[" * 9000, "9" * 9000]
)
async def test_malformed_messages_are_rejected_with_one_message(message):
    async def never(changes):
        raise AssertionError

    (reply,) = await answers(never, message)
    assert "changes" in reply["error"]["message"]


async def test_requests_past_the_limit_are_rejected():
    release = asyncio.Event()

    async def wait(changes):
        await release.wait()
        return acknowledgement(1)

    channel = Channel()
    ControlChannel(channel, wait)
    for number in range(MAX_OPEN_REQUESTS + 100):
        channel.hear(json.dumps({"request": number, "changes": {}}))
    assert len(channel.sent) == 100
    assert all("open already" in reply["error"]["message"] for reply in channel.sent)
    release.set()
    await asyncio.sleep(0.01)
    assert len(channel.sent) == MAX_OPEN_REQUESTS + 100


async def test_requests_of_a_client_that_reads_no_replies_are_ignored():
    async def change(changes):
        return acknowledgement(1)

    channel = Channel()
    ControlChannel(channel, change)
    channel.bufferedAmount = MAX_UNSENT_BYTES + 1
    for _ in range(100):
        channel.hear("garbage")
    assert channel.sent == []
    channel.bufferedAmount = 0
    channel.hear("garbage")
    assert len(channel.sent) == 1
