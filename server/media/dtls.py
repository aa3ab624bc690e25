"""The encryption of a connection (DTLS): with whom it can be spoken, and why it failed."""

import sys
from typing import Any

from aiortc import RTCCertificate, RTCDtlsTransport
from aiortc.rtcdtlstransport import State
from OpenSSL import SSL

from server.media.aiortc_patches import own

# those with forward secrecy for both kinds of certificates: aiortc's own list is for ECDSA alone, GStreamer's are RSA
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

# OpenSSL 4 has no curve P-224, of which FFmpeg built with GnuTLS makes its certificates
NO_REASON = "the certificate was refused: RSA and the curves P-256, P-384 and P-521 are taken"


def patch_dtls() -> None:
    """Accept RSA certificates, and remember with a transport why its handshake failed."""
    if getattr(RTCDtlsTransport, "failure", None) is not None:
        return
    create_context, set_state = own(RTCCertificate, "_create_ssl_context"), own(RTCDtlsTransport, "_set_state")

    def create_ssl_context(self: RTCCertificate, srtp_profiles: list[Any]) -> SSL.Context:
        context: SSL.Context = create_context(self, srtp_profiles)
        context.set_cipher_list(CIPHERS)
        return context

    def set_state_and_remember(self: Any, state: State) -> None:
        if state == State.FAILED:  # aiortc sets it while it handles the error
            self.failure = _describe(sys.exc_info()[1])
        set_state(self, state)

    RTCDtlsTransport.failure = ""  # type: ignore[attr-defined]
    RTCDtlsTransport._set_state = set_state_and_remember  # type: ignore[method-assign]
    RTCCertificate._create_ssl_context = create_ssl_context  # type: ignore[method-assign]


def dtls_failure(transport: RTCDtlsTransport) -> str | None:
    """Why the handshake failed; None where it did not."""
    return str(getattr(transport, "failure", "")) or None


def _describe(error: BaseException | None) -> str:
    if error is None:
        return "the certificate is not the one that the offer names, or there is no SRTP profile in common"
    if isinstance(error, SSL.Error) and error.args and isinstance(error.args[0], list):
        return ", ".join(str(reason[-1]) for reason in error.args[0]) or NO_REASON
    return str(error) or "the other side closed the connection"
