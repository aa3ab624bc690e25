"""Every shell command of the documents is run by a test, or marked with the reason why not."""

import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.local import ROOT
from lipar_cli.checks.result import CheckStatus
from lipar_cli.checks.tls import judge_certificate
from lipar_cli.main import parse_arguments
from server.api.app import create_app
from server.settings import Settings
from server.settings_sources import load_settings
from tests.documented_commands import Command, commands_of, documented_commands

RUN_BY = {  # first words -> the test that runs the command with its own flags
    "lipar bench": "tests/cli/test_commands.py",
    "lipar doctor": "tests/cli/test_doctor.py",
    "lipar download": "tests/cli/test_download.py",
    "lipar edit": "tests/cli/test_commands.py",
    "lipar embed": "tests/core/models/test_embedding_files.py",
    "lipar eval": "tests/cli/test_eval.py",
    "lipar models": "tests/cli/test_download.py",
    "lipar osc": "tests/server/osc_bridge.py",
    "lipar replay": "tests/cli/test_replay.py",
    "lipar serve": "harness/live_server.py",
    "lipar verify": "tests/cli/test_commands.py",
    "python examples/follow_session.py": "tests/examples/test_examples.py",
    "python examples/prompt_timetable.py": "tests/examples/test_examples.py",
    "python examples/sweep_threshold.py": "tests/examples/test_examples.py",
}
CHECKED_HERE = ("curl", "make", "mkdir", "openssl", "source")  # below: routes, targets, a certificate
COMMANDS = documented_commands()


def starting_with(*words: str) -> list[Command]:
    return [command for command in COMMANDS if command.words[: len(words)] == words]


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_every_command_is_run_by_a_test_or_marked(command: Command) -> None:
    if command.reason or command.is_assignment or command.words[0] in CHECKED_HERE:
        return
    test = RUN_BY.get(" ".join(command.words[:2]))
    assert test is not None, "add it to RUN_BY, or put <!-- not tested: REASON --> before its block"
    name = Path(command.words[1]).name
    assert f'"{name}"' in (ROOT / test).read_text(encoding="utf-8")


def test_a_marked_block_gives_its_reason_to_its_commands() -> None:
    found = [command.reason for command in commands_of(ROOT / "docs" / "training.md")]
    assert any(found)
    assert not all(found)


@pytest.mark.parametrize("command", starting_with("lipar"), ids=str)
def test_the_flags_of_lipar_are_accepted(command: Command) -> None:
    """By the parser of the command itself, which ends the program at an unknown flag or value."""
    parse_arguments(command.words[1:])


def test_the_parser_that_the_commands_are_checked_with_rejects_a_wrong_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_arguments(["doctor", "--jsn"])
    assert "--jsn" in capsys.readouterr().err


@pytest.mark.parametrize("target", sorted({command.words[1] for command in starting_with("make")}))
def test_make_knows_the_target(target: str) -> None:
    outer = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    environment = {name: value for name, value in os.environ.items() if name not in outer}
    subprocess.run(["make", "-n", target], cwd=ROOT, env=environment, check=True, capture_output=True)


@pytest.mark.parametrize("command", starting_with("curl"), ids=str)
def test_the_routes_of_curl_exist(command: Command) -> None:
    method = command.words[command.words.index("-X") + 1] if "-X" in command.words else "GET"
    path = next(word for word in command.words if word.startswith(("$B/", "http://")))
    path = re.sub(r"^(\$B|http://[^/]+)", "", path).replace("$ID", "{session_id}")
    assert method.lower() in create_app(Settings()).openapi()["paths"][path]


def shell(text: str, folder: Path) -> dict[str, str]:
    """Run a document's lines in a shell; returns the environment at their end."""
    run = subprocess.run(["bash", "-ec", f"{text}\nenv -0"], cwd=folder, check=True, capture_output=True, text=True)
    return dict(part.partition("=")[::2] for part in run.stdout.split("\0") if part)


def test_the_openssl_command_makes_a_certificate_that_doctor_accepts(tmp_path: Path) -> None:
    [command] = starting_with("openssl")
    assert command.document == "docs/deployment.md"
    (tmp_path / "certs").mkdir()
    shell(command.text, tmp_path)
    pair = tmp_path / "certs" / "cert.pem", tmp_path / "certs" / "key.pem"
    assert judge_certificate(*pair, [os.uname().nodename], datetime.now(UTC)).status is CheckStatus.OK


@pytest.mark.parametrize("document", ["docs/quickstart.md", "docs/deployment.md"])
def test_the_exported_settings_are_valid(document: str, tmp_path: Path) -> None:
    exports = [command.text for command in COMMANDS if command.document == document and command.is_assignment]
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("", encoding="utf-8")
    found = shell("\n".join(exports), tmp_path)
    given = {name: value for name, value in found.items() if name.startswith("LIPAR_") and name not in os.environ}
    for name in ("LIPAR_TLS_CERT", "LIPAR_TLS_KEY"):
        if name in given:
            given[name] = str(tmp_path / given[name])
    assert load_settings(None, given).token_required
