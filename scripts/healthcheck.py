"""Exit 0 where a LIPAR server on this machine answers at /healthz: `healthcheck.py PORT`. TLS or not is found out."""

import ssl
import sys
import urllib.error
import urllib.request

TIMEOUT_S = 2


def is_healthy(port: int) -> bool:
    return any(answers(f"{scheme}://127.0.0.1:{port}/healthz") for scheme in ("https", "http"))


def answers(url: str) -> bool:
    """The certificate is not checked: it names the public host, and this asks the machine itself."""
    context = ssl._create_unverified_context() if url.startswith("https:") else None
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S, context=context) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError) as error:
        print(f"{url}: {error}", file=sys.stderr)
        return False


if __name__ == "__main__":
    sys.exit(0 if is_healthy(int(sys.argv[1])) else 1)
