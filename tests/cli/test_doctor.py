"""`lipar doctor`: lines, JSON, exit codes, and the settings that it honours."""

import json

import pytest

from lipar_cli.checks import table
from lipar_cli.checks.result import CheckStatus, Result, fail, ok, warn

OK = ok("fine")


@pytest.fixture
def checks(monkeypatch):
    """Replaces the checks by given ones."""

    def use(**found: object) -> None:
        monkeypatch.setattr(table, "CHECKS", found)

    return use


def test_every_check_runs_on_this_machine(lipar):
    code, stdout, _ = lipar("doctor", "--preset", "tiny", "--json")
    rows = {row["check"]: row for row in json.loads(stdout)}
    assert list(rows) == ["settings", *table.CHECKS]
    failed = {name for name, row in rows.items() if row["status"] == "fail"}
    assert failed <= {"tcp port"}  # the only one that depends on what else runs here
    assert code == bool(failed)
    assert "could not be checked" not in stdout
    assert "8 blocks" in rows["bundled model"]["detail"]


@pytest.mark.parametrize(
    ("result", "code"), [(OK, 0), (warn("slow", "buy another"), 0), (fail("broken", "repair it"), 1)]
)
def test_the_exit_code_is_that_of_the_worst_result(lipar, checks, result: Result, code):
    checks(one=lambda _: OK, other=lambda _: result)
    found, stdout, _ = lipar("doctor", "--preset", "tiny")
    assert found == code
    assert "ok    one              fine\n" in stdout
    assert (f"-> {result.remedy}" in stdout) == (result is not OK)


def test_a_check_that_breaks_is_a_failed_line_and_the_others_go_on(lipar, checks):
    def broken(_):
        raise ImportError("libtorch.so: cannot open\nshared object")

    checks(torch=broken, last=lambda _: OK)
    code, stdout, _ = lipar("doctor", "--preset", "tiny")
    assert code == 1
    assert "could not be checked: libtorch.so: cannot open shared object" in stdout
    assert "ok    last" in stdout


def test_the_server_s_settings_are_honoured(lipar, checks, monkeypatch):
    seen = []
    checks(target=lambda target: seen.append(target) or OK)
    monkeypatch.setenv("LIPAR_UDP_PORTS", "40000-40010")
    monkeypatch.setenv("LIPAR_MAX_SESSIONS", "7")
    lipar("doctor", "--preset", "tiny", "--max-sessions", "3")
    assert (seen[0].settings.udp_range, seen[0].settings.max_sessions) == ((40000, 40010), 3)
    assert seen[0].preset.stream.width == 512  # the largest that a session may have


def test_a_size_that_the_preset_does_not_have_is_one_line(lipar, monkeypatch):
    monkeypatch.setenv("LIPAR_SIZE", "100x100")
    code, _, error_text = lipar("doctor", "--preset", "tiny")
    assert (code, "size = '100x100'" in error_text, error_text.count("\n")) == (2, True, 1)


def test_a_wrong_setting_is_a_failed_line(lipar, checks, monkeypatch):
    checks(one=lambda _: OK)
    monkeypatch.setenv("LIPAR_HOST", "0.0.0.0")
    code, stdout, _ = lipar("doctor", "--preset", "tiny", "--json")
    rows = json.loads(stdout)
    assert code == 1
    assert rows[0]["status"] == CheckStatus.FAIL
    assert "host = 0.0.0.0" in rows[0]["detail"]
    assert [row["check"] for row in rows] == ["settings", "one"]


@pytest.mark.parametrize("flags", [("--vram", "no"), ("--vram", "0"), ("--preset", "none"), ("--max-sessions", "0")])
def test_a_wrong_flag_is_one_line(lipar, flags):
    code, _, error_text = lipar("doctor", *flags)
    assert (code, error_text.count("\n")) == (2, 1)
