"""Fixtures of all tests: optional programs, with a note about missing ones."""

import os
import shutil
import sys
from pathlib import Path

import pytest

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TURNSERVER = ("turnserver",)
MISSING = pytest.StashKey[dict[str, int]]()
os.environ.setdefault("TRITON_INTERPRET", "1")  # Triton reads it when it is imported: kernels run on CPU tensors


def pytest_configure(config: pytest.Config) -> None:
    config.stash[MISSING] = {}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for program, tests in config.stash[MISSING].items():
        terminalreporter.write_line(
            f"NOT TESTED: {tests} test(s) were skipped because {program} is not installed", red=True, bold=True
        )


@pytest.fixture(autouse=True)
def seeded_random_numbers() -> None:
    """Seed PyTorch in every test, independent of the tests before it."""
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


def program(names: tuple[str, ...], request: pytest.FixtureRequest) -> Path:
    """The first of `names` in PATH; else the test is skipped with a note, or fails if LIPAR_REQUIRE_TOOLS=1 is set."""
    for name in names:
        if path := shutil.which(name):
            return Path(path)
    if os.environ.get("LIPAR_REQUIRE_TOOLS") == "1":
        pytest.fail(f"{names[0]} is not installed and LIPAR_REQUIRE_TOOLS=1 asks for it")
    counts = request.config.stash[MISSING]
    counts[names[0]] = counts.get(names[0], 0) + 1
    pytest.skip(f"{names[0]} is not installed")


@pytest.fixture
def chromium(request: pytest.FixtureRequest) -> Path:
    """Path of a Chromium, for the tests that open the page."""
    return program(CHROMIUM, request)


@pytest.fixture
def turnserver(request: pytest.FixtureRequest) -> Path:
    """Path of coturn's server, for the tests of relayed connections."""
    return program(TURNSERVER, request)
