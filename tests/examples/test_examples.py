"""The example scripts, run as a user runs them, against a live server and session."""

import asyncio
import contextlib
import csv
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.echo import Echo, write_preset
from harness.local import ROOT, free_port
from server.settings import Settings
from tests.server.api.publisher import H264Camera, Publisher
from tests.server.live import RunningServer

EXAMPLES = ROOT / "examples"


@contextlib.asynccontextmanager
async def live_session(folder: Path) -> AsyncIterator[str]:
    """A server with one session, `studio`, whose model process inverts frames; gives its URL."""
    settings = Settings(port=free_port(), preset=str(write_preset(folder, width=320, height=192)))
    with RunningServer(settings, Echo()) as server:
        async with server.ready() as client, Publisher(client, "studio", H264Camera()):
            yield server.url
            await client.delete("/api/v1/sessions/studio")


async def run(script: str, *arguments: object) -> tuple[int | None, str]:
    """Exit code and output of an example."""
    command = [sys.executable, str(EXAMPLES / script), *map(str, arguments)]
    streams = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.STDOUT}
    process = await asyncio.create_subprocess_exec(*command, **streams)
    output, _ = await process.communicate()
    return process.returncode, output.decode()


async def test_the_examples_run_against_a_live_session(tmp_path: Path) -> None:
    timetable, table, figure = tmp_path / "timetable.txt", tmp_path / "sweep.csv", tmp_path / "sweep.svg"
    timetable.write_text("# two prompts\n0 a pencil sketch\n0.2 moonlight\n", encoding="utf-8")
    async with live_session(tmp_path) as url:
        code, output = await run("prompt_timetable.py", "--url", url, timetable)
        assert (code, output.count("from block")) == (0, 2), output
        changes = json.dumps({"pruning": {"max_age": 7}})
        code, output = await run("follow_session.py", "--url", url, "--seconds", 1, "--set", changes)
        assert code == 0, output
        assert [word in output for word in ("takes effect at block", "in effect after", "fps")] == [True] * 3
        flags = ("--thresholds", 0, 64, "--settle", 0, "--seconds", 0.25, "--csv", table, "--plot", figure)
        code, output = await run("sweep_threshold.py", "--url", url, *flags)
        assert code == 0, output
        flags = (
            "--detector",
            "lipar",
            "--thresholds",
            0.2,
            "--settle",
            0,
            "--seconds",
            0.25,
            "--csv",
            tmp_path / "tau.csv",
        )
        code, output = await run("sweep_threshold.py", "--url", url, *flags)
        assert (code, output.count("threshold=0.2")) == (0, 1), output
        code, output = await run("follow_session.py", "--url", url, "--session", "none")
        assert (code, "404" in output) == (1, True)
        code, output = await run("follow_session.py", "--url", url, "--set", '{"prompt": ""}')
        assert (code, "prompt" in output, "422" in output) == (1, True, True), output
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["threshold"]) for row in rows] == [0, 64]
    assert all(0 <= float(row["keep_ratio"]) <= 1 for row in rows)
    assert "<svg" in figure.read_text(encoding="utf-8")


async def test_a_server_that_does_not_answer_is_one_line() -> None:
    code, output = await run("follow_session.py", "--url", f"http://127.0.0.1:{free_port()}")
    assert (code, output.count("\n"), "does not respond" in output) == (1, 1, True), output


@pytest.mark.parametrize("text", ["soon a pencil sketch", "1,5 moonlight"])
async def test_a_wrong_line_of_a_timetable_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "timetable.txt").write_text(f"0 moonlight\n{text}\n", encoding="utf-8")
    code, output = await run("prompt_timetable.py", tmp_path / "timetable.txt")
    assert (code, output) == (1, f"line 2: {text!r} is not SECONDS PROMPT\n")
