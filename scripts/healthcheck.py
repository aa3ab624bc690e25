"""Exits with 0 if the LIPAR server of this machine responds at /healthz.

It reads the server's own variables, LIPAR_PORT and LIPAR_TLS_CERT.
"""

import os
import ssl
import sys
import urllib.error
import urllib.request

TIMEOUT_S = 2


def is_healthy(url: str) -> bool:
    """The certificate is not verified: it is for the public host name, and this connects to 127.0.0.1."""
    context = ssl._create_unverified_context() if url.startswith("https:") else None
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S, context=context) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError) as error:
        print(f"{url}: {error}", file=sys.stderr)
        return False


if __name__ == "__main__":
    scheme = "https" if os.environ.get("LIPAR_TLS_CERT") else "http"
    sys.exit(0 if is_healthy(f"{scheme}://127.0.0.1:{os.environ.get('LIPAR_PORT') or 8000}/healthz") else 1)
