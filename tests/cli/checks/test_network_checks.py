"""Ports, STUN, TURN and the certificate: against real sockets, coturn and certificates made here."""

import socket
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import aioice.ice
import aiortc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from harness.coturn import SECRET, running_coturn
from harness.local import free_port
from lipar_cli.checks.ice import check_turn_login, check_udp_reachability
from lipar_cli.checks.ports import check_tcp_port, check_udp_ports, judge_udp_ports
from lipar_cli.checks.result import CheckStatus
from lipar_cli.checks.software import check_aiortc
from lipar_cli.checks.tls import check_certificate, check_secure_context, judge_certificate
from tests.cli.checks.targets import target

OK, WARN, FAIL = CheckStatus.OK, CheckStatus.WARN, CheckStatus.FAIL
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def test_a_taken_port_is_reported():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = check_tcp_port(target(port=taken.getsockname()[1]))
    assert (result.status, "another --port" in result.remedy) == (FAIL, True)
    assert check_tcp_port(target(port=free_port())).status is OK


def test_an_address_of_another_machine_is_reported():
    result = check_tcp_port(target(host="192.0.2.1", port=free_port(), insecure=True, no_auth=True))
    assert (result.status, "0.0.0.0" in result.remedy) == (FAIL, True)


def test_taken_udp_ports_are_counted():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("", 0))
        port = taken.getsockname()[1]
        assert check_udp_ports(target(udp_ports=f"{port}-{port}")).detail.startswith("0 of 1 UDP ports")


@pytest.mark.parametrize(("free", "status"), [(1, FAIL), (2, WARN), (3, WARN), (4, OK)])
def test_each_session_needs_a_udp_port(free, status):
    assert judge_udp_ports(free, 10, 2).status is status


def test_without_a_server_udp_is_tested_only_where_it_is_needed():
    assert check_udp_reachability(target()).status is OK
    open_to_all = {"host": "0.0.0.0", "insecure": True, "no_auth": True}
    assert check_udp_reachability(target(**open_to_all)).status is WARN
    assert check_udp_reachability(target(**open_to_all, public_ip="203.0.113.7")).status is OK


def test_stun_and_turn_against_coturn(turnserver, tmp_path, monkeypatch):
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda **_: ["127.0.0.1"])
    with running_coturn(turnserver, tmp_path) as url:
        good = target(ice_servers=(url,), turn_secret=SECRET)
        seen = check_udp_reachability(good)
        assert (seen.status, "127.0.0.1 by turn:" in seen.detail) == (OK, True)
        assert check_turn_login(good).status is OK
        wrong = check_turn_login(target(ice_servers=(url,), turn_secret="another"))
        assert (wrong.status, "401" in wrong.detail, "LIPAR_TURN_SECRET" in wrong.remedy) == (FAIL, True, True)


def test_a_closed_port_is_no_turn_server():
    url = f"turn:127.0.0.1:{free_port()}?transport=tcp"
    result = check_turn_login(target(ice_servers=(url,), turn_secret=SECRET))
    assert (result.status, url in result.detail) == (FAIL, True)


def test_a_secure_context_needs_tls_or_this_machine(certificate):
    cert, key = certificate()
    assert check_secure_context(target()).status is OK
    assert check_secure_context(target(host="0.0.0.0", no_auth=True, tls_cert=cert, tls_key=key)).status is OK
    assert check_secure_context(target(host="0.0.0.0", no_auth=True, insecure=True)).status is WARN


@pytest.fixture
def certificate(tmp_path: Path):
    """Makes a certificate for studio.example.org, *.lan.example.org and 192.0.2.7, and its key."""

    def make(days: int = 90) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ignored.example.org")])
        names = [x509.DNSName("studio.example.org"), x509.DNSName("*.lan.example.org")]
        addresses = [x509.IPAddress(ip_address("192.0.2.7"))]
        builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(NOW - timedelta(days=1)).not_valid_after(NOW + timedelta(days=days))
        signed = builder.add_extension(x509.SubjectAlternativeName([*names, *addresses]), False)
        cert_path, key_path = tmp_path / f"cert{days}.pem", tmp_path / f"key{days}.pem"
        cert_path.write_bytes(signed.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        secret = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        key_path.write_bytes(key.private_bytes(serialization.Encoding.PEM, *secret))
        return cert_path, key_path

    return make


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("studio.example.org", OK),
        ("box.lan.example.org", OK),
        ("192.0.2.7", OK),
        ("ignored.example.org", WARN),  # the common name does not count
        ("a.box.lan.example.org", WARN),
    ],
)
def test_the_certificate_must_name_the_host(certificate, name, status):
    assert judge_certificate(*certificate(), [name], NOW).status is status


@pytest.mark.parametrize(
    ("days", "status", "words"),
    [(-91, FAIL, "not valid before"), (0, OK, "until"), (80, WARN, "expires soon"), (91, FAIL, "expired")],
)
def test_the_certificate_s_dates(certificate, days, status, words):
    result = judge_certificate(*certificate(), ["studio.example.org"], NOW + timedelta(days=days))
    assert (result.status, words in result.detail) == (status, True)


def test_a_key_of_another_certificate_is_rejected(certificate):
    result = judge_certificate(certificate()[0], certificate(30)[1], ["studio.example.org"], NOW)
    assert (result.status, "cannot be used" in result.detail) == (FAIL, True)
    assert check_certificate(target()).detail == "none configured"


def test_another_release_of_aiortc_is_reported(monkeypatch):
    assert check_aiortc(target()).status is OK
    monkeypatch.setattr(aiortc, "__version__", "1.17.0")
    result = check_aiortc(target())
    assert (result.status, "aiortc 1.17.0 is installed, 1.16.x is needed" in result.detail) == (FAIL, True)
