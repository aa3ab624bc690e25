"""A local server with the part of the Hugging Face hub's protocol that its client uses for files.

Large files are redirected to a storage host (the same server under another name), as the hub does; it supports ranges.
The fields of `Hub` switch failures on.
"""

import hashlib
import os
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lipar_cli.weights.sources import sources

COMMIT = "a" * 40
LARGE = 10_000  # bytes from which on the storage host serves a file


class Hub(ThreadingHTTPServer):
    """files: contents by path, `REPO/PATH` on the hub, `raw/NAME` elsewhere."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = files
        self.requests: list[tuple[str, str, str | None, str | None]] = []  # method, path, range, authorization
        self.statuses: dict[str, int] = {}  # by path: answered instead
        self.token: str | None = None  # asked for
        self.interruptions = 0  # number of transfers to interrupt
        self.stall = threading.Event()  # set: transfers stop in the middle and wait
        self.supports_ranges = True
        self.altered: set[str] = set()  # paths whose contents are wrong when they arrive
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def storage(self) -> str:
        return f"http://localhost:{self.server_port}"

    def transfers(self, path: str) -> list[str | None]:
        """The requested ranges of a file's downloads."""
        return [byte_range for method, at, byte_range, _ in self.requests if method == "GET" and at == path]


def hub_of_small_files() -> Hub:
    """A running hub with every file of the presets; the largest has 300 kB, one the size of a page."""
    files = {"raw/taew2_1.pth": b"codec" * 5000}
    for i, source in enumerate(source for source in sources() if source.repo):
        large = source.target.endswith((".pt", ".pth"))
        files[source.origin] = bytes([65 + i]) * (300_000 if large else 100) + os.urandom(8)
    return Hub(files)


class Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        path = self.path.lstrip("/")
        hub = self.server
        hub.requests.append((self.command, path, self.headers.get("Range"), self.headers.get("Authorization")))
        if path.startswith("storage/"):
            return self.send_file(path.removeprefix("storage/"))
        name = path.replace("/resolve/main/", "/")
        if name in hub.statuses:
            return self.reject(hub.statuses[name])
        if hub.token and name != path and self.headers.get("Authorization") != f"Bearer {hub.token}":
            return self.reject(401)
        if name not in hub.files:
            return self.reject(404)
        if len(hub.files[name]) >= LARGE:
            return self.redirect(name)
        return self.send_file(name)

    def reject(self, status: int) -> None:
        self.send_response(status)
        if status == 404:
            self.send_header("X-Error-Code", "EntryNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def redirect(self, name: str) -> None:
        data = self.server.files[name]
        self.send_response(302)
        self.send_header("Location", f"{self.server.storage}/storage/{name}")
        if not name.startswith("raw/"):
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("X-Linked-Etag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("X-Linked-Size", str(len(data)))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send_file(self, name: str) -> None:
        hub = self.server
        data = hub.files[name]
        if name in hub.altered:
            data = b"!" + data[1:]
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")) if hub.supports_ranges else None
        start = int(match[1]) if match else 0
        self.send_response(206 if match else 200)
        if match:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha1(data).hexdigest()}"')
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if self.command == "GET":
            self.send_body(data[start:])

    def send_body(self, data: bytes) -> None:
        hub = self.server
        half = len(data) // 2
        if len(data) >= LARGE and hub.interruptions:
            hub.interruptions -= 1
            self.wfile.write(data[:half])
            self.close_connection = True
        elif len(data) >= LARGE and hub.stall.is_set():
            self.wfile.write(data[:half])
            self.close_connection = True
            threading.Event().wait(5)
        else:
            self.wfile.write(data)
