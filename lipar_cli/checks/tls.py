"""The certificate, and whether browsers will give the page their camera."""

import ipaddress
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from lipar_cli.checks.result import Result, fail, ok, warn
from lipar_cli.checks.target import Target

if TYPE_CHECKING:
    from cryptography import x509

RENEW_BEFORE = timedelta(days=14)
RENEW = "renew the certificate (docs/deployment.md)"


def check_secure_context(target: Target) -> Result:
    settings = target.settings
    if settings.tls_cert is not None:
        return ok("https: browsers allow the camera")
    if settings.loopback:
        return ok(f"http on {settings.host}: browsers on this machine allow the camera, others cannot connect")
    return warn(
        "http: browsers on other machines block the camera unless a proxy in front terminates TLS",
        "set LIPAR_TLS_CERT and LIPAR_TLS_KEY, or serve it through a proxy with HTTPS",
    )


def check_certificate(target: Target) -> Result:
    settings = target.settings
    if settings.tls_cert is None or settings.tls_key is None:
        return ok("none configured")
    names = settings.allowed_hosts or (socket.gethostname() if settings.host in ("0.0.0.0", "::") else settings.host,)
    return judge_certificate(settings.tls_cert, settings.tls_key, names, datetime.now(UTC))


def judge_certificate(certificate: Path, key: Path, names: tuple[str, ...] | list[str], now: datetime) -> Result:
    from cryptography import x509

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
        loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError) as error:  # SSLError is an OSError
        return fail(f"{certificate} and {key} cannot be used: {error}", "give a PEM certificate and its own key")
    until = loaded.not_valid_after_utc
    text = f"{certificate}: for {', '.join(certificate_names(loaded)) or 'no name'}, until {until:%Y-%m-%d}"
    if now < loaded.not_valid_before_utc:
        return fail(f"{text}, not valid before {loaded.not_valid_before_utc:%Y-%m-%d}", "set this machine's clock")
    if now > until:
        return fail(f"{text}: expired", RENEW)
    if unmatched := [name for name in names if not matches(loaded, name)]:
        return warn(
            f"{text}: does not name {', '.join(unmatched)}",
            "use a certificate for the name that users open; name that in LIPAR_ALLOWED_HOSTS",
        )
    return warn(f"{text}: expires soon", RENEW) if until - now < RENEW_BEFORE else ok(text)


def certificate_names(certificate: "x509.Certificate") -> list[str]:
    """DNS names and addresses of the subject alternative names (RFC 9525: the common name does not count)."""
    from cryptography import x509

    try:
        loaded = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [*loaded.get_values_for_type(x509.DNSName), *map(str, loaded.get_values_for_type(x509.IPAddress))]


def matches(certificate: "x509.Certificate", name: str) -> bool:
    """Whether a certificate is for a host name, or for an address, which matches only itself."""
    patterns = [pattern.lower() for pattern in certificate_names(certificate)]
    try:
        return str(ipaddress.ip_address(name)) in patterns
    except ValueError:
        parent = "*." + name.lower().partition(".")[2]
        return name.lower() in patterns or parent in patterns
