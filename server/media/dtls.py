"""DTLS patches: cipher suites for RSA certificates, and the reason of a failed handshake."""

import sys
from typing import Any

from aiortc import RTCCertificate, RTCDtlsTransport
from aiortc.rtcdtlstransport import State
from OpenSSL import SSL

from server.media.aiortc_patches import private_attr

# forward secrecy, for both certificate types: aiortc's list is for ECDSA only, GStreamer's certificates are RSA
CIPHERS = b":".join(
    (
        b"ECDHE-ECDSA-AES128-GCM-SHA256",
        b"ECDHE-RSA-AES128-GCM-SHA256",
        b"ECDHE-ECDSA-AES256-GCM-SHA384",
        b"ECDHE-RSA-AES256-GCM-SHA384",
        b"ECDHE-ECDSA-CHACHA20-POLY1305",
        b"ECDHE-RSA-CHACHA20-POLY1305",
        b"ECDHE-ECDSA-AES128-SHA",
        b"ECDHE-ECDSA-AES256-SHA",
    )
)

# OpenSSL 4 does not support curve P-224, which FFmpeg built with GnuTLS uses for its certificates
NO_REASON = "the certificate was rejected: RSA and the curves P-256, P-384 and P-521 are accepted"


def patch_dtls() -> None:
    """Accept RSA certificates, and store the reason of a failed handshake on the transport."""
    if getattr(RTCDtlsTransport, "failure", None) is not None:
        return
    create_context = private_attr(RTCCertificate, "_create_ssl_context")
    set_state = private_attr(RTCDtlsTransport, "_set_state")

    def create_ssl_context(self: RTCCertificate, srtp_profiles: list[Any]) -> SSL.Context:
        context: SSL.Context = create_context(self, srtp_profiles)
        context.set_cipher_list(CIPHERS)
        return context

    def set_state_and_failure(self: Any, state: State) -> None:
        if state == State.FAILED:  # aiortc sets it in its exception handler
            self.failure = _failure_reason(sys.exc_info()[1])
        set_state(self, state)

    RTCDtlsTransport.failure = ""  # type: ignore[attr-defined]
    RTCDtlsTransport._set_state = set_state_and_failure  # type: ignore[method-assign]
    RTCCertificate._create_ssl_context = create_ssl_context  # type: ignore[method-assign]


def dtls_failure(transport: RTCDtlsTransport) -> str | None:
    """Why the handshake failed; None if it did not."""
    return str(getattr(transport, "failure", "")) or None


def _failure_reason(error: BaseException | None) -> str:
    if error is None:
        return "the certificate does not match the offer's fingerprint, or there is no common SRTP profile"
    if isinstance(error, SSL.Error) and error.args and isinstance(error.args[0], list):
        return ", ".join(str(reason[-1]) for reason in error.args[0]) or NO_REASON
    return str(error) or "the remote peer closed the connection"
