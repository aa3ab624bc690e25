"""A self-signed certificate for the addresses of this machine, and how to reach the page from a phone."""

import io
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import segno
from aioice.ice import get_host_addresses
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lipar_core.errors import ConfigError

VALID = timedelta(days=365)
RENEW_BEFORE = timedelta(days=7)  # remaining validity below which a certificate is replaced


def certificate_flags(host: str | None, tls_cert: Path | None, tls_key: Path | None) -> dict[str, object]:
    """Flags of `lipar serve --self-signed`: host and certificate.

    Raises `ConfigError` if another certificate is configured, or the kept one cannot be read.
    """
    for name, flag in (("tls_cert", tls_cert), ("tls_key", tls_key)):
        if value := flag or os.environ.get(f"LIPAR_{name.upper()}"):
            raise ConfigError(f"self_signed: not together with {name} = {value}; give one of them")
    folder = default_folder()
    try:
        cert_path, key_path = ensure_certificate(folder, lan_addresses(), datetime.now(UTC))
    except (OSError, ValueError, x509.ExtensionNotFound) as error:
        raise ConfigError(f"self_signed: cannot use the certificate in {folder}: {error}; delete it") from error
    return {"host": host or os.environ.get("LIPAR_HOST") or "0.0.0.0", "tls_cert": cert_path, "tls_key": key_path}


def lan_addresses() -> list[str]:
    """IPv4 addresses of this machine's interfaces, without loopback."""
    return get_host_addresses(use_ipv4=True, use_ipv6=False)


def print_instructions(host: str, port: int) -> None:
    """Print how to open the page at each address that `host` stands for."""
    addresses = lan_addresses() if host == "0.0.0.0" else [host]
    if not addresses:
        print("this machine has no IPv4 address besides loopback")
    for address in addresses:
        print(instructions(f"https://{address}:{port}", default_folder() / "cert.pem"), flush=True)


def default_folder() -> Path:
    """$XDG_STATE_HOME/lipar/tls: the certificate outlives a restart, so that a phone need not accept another one."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "lipar" / "tls"


def ensure_certificate(folder: Path, addresses: Sequence[str], now: datetime) -> tuple[Path, Path]:
    """Paths of certificate and key; both are made if there are none, they expire soon, or an address is missing."""
    cert_path, key_path = folder / "cert.pem", folder / "key.pem"
    if not (key_path.is_file() and cert_path.is_file() and still_fits(cert_path, addresses, now)):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_pair(cert_path, key_path, addresses, now)
    return cert_path, key_path


def still_fits(cert_path: Path, addresses: Sequence[str], now: datetime) -> bool:
    certificate = x509.load_pem_x509_certificate(cert_path.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    named = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    return set(addresses) <= named and now < certificate.not_valid_after_utc - RENEW_BEFORE


def write_pair(cert_path: Path, key_path: Path, addresses: Sequence[str], now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "lipar")])
    hosts = [x509.DNSName("localhost"), *(x509.IPAddress(ip_address(address)) for address in addresses)]
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + VALID)  # clocks differ
    certificate = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False).sign(key, hashes.SHA256())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key_path.unlink(missing_ok=True)
    with os.fdopen(os.open(key_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    cert_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def fingerprint(cert_path: Path) -> str:
    """SHA-256 of the certificate as browsers show it: pairs of hexadecimal digits."""
    digest = x509.load_pem_x509_certificate(cert_path.read_bytes()).fingerprint(hashes.SHA256())
    return digest.hex(":").upper()


def instructions(url: str, cert_path: Path) -> str:
    """What to do on the phone: address, fingerprint to compare and a QR code of the address."""
    code = io.StringIO()
    segno.make_qr(url).terminal(out=code, compact=True)
    return (
        f"{code.getvalue()}\nopen {url}\n"
        f"The browser warns once. Its certificate must have this SHA-256 fingerprint:\n{fingerprint(cert_path)}"
    )
