"""`lipar serve --self-signed`: its certificate, and what it prints."""

from datetime import UTC, datetime, timedelta

import pytest

from lipar_cli.checks.result import CheckStatus
from lipar_cli.checks.tls import judge_certificate
from lipar_cli.main import main
from lipar_cli.self_signed import ensure_certificate, fingerprint, instructions

NOW = datetime(2030, 1, 2, tzinfo=UTC)


def test_the_certificate_names_the_addresses_and_its_key_is_private(tmp_path):
    cert, key = ensure_certificate(tmp_path / "tls", ["192.0.2.7"], NOW)
    assert judge_certificate(cert, key, ["192.0.2.7"], NOW).status is CheckStatus.OK
    assert key.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("addresses", "later", "kept"),
    [
        (["192.0.2.7"], timedelta(days=300), True),
        (["192.0.2.8"], timedelta(0), False),  # another network
        (["192.0.2.7"], timedelta(days=360), False),  # expires soon
    ],
)
def test_a_certificate_is_kept_while_it_fits(tmp_path, addresses, later, kept):
    before = fingerprint(ensure_certificate(tmp_path, ["192.0.2.7"], NOW)[0])
    assert (fingerprint(ensure_certificate(tmp_path, addresses, NOW + later)[0]) == before) is kept


def test_the_instructions_have_address_fingerprint_and_code(tmp_path):
    cert, _ = ensure_certificate(tmp_path, ["192.0.2.7"], NOW)
    text = instructions("https://192.0.2.7:8000", cert)
    assert "open https://192.0.2.7:8000" in text
    assert fingerprint(cert) in text
    assert "▄" in text  # the QR code


def test_another_certificate_is_rejected(tmp_path, capsys):
    arguments = ["serve", "--preset", "tiny", "--self-signed", "--tls-cert", str(tmp_path / "cert.pem")]
    assert main(arguments) == 2
    assert "self_signed: not together with tls_cert" in capsys.readouterr().err


def test_a_damaged_certificate_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = tmp_path / "lipar" / "tls"
    folder.mkdir(parents=True)
    for name in ("cert.pem", "key.pem"):
        (folder / name).write_text("damaged")
    assert main(["serve", "--preset", "tiny", "--self-signed"]) == 2
    assert f"cannot use the certificate in {folder}" in capsys.readouterr().err
