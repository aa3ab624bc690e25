"""A reverse proxy that serves a server under a path prefix, which it removes or keeps, as nginx does."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

PATH = "/studio"
OF_A_CONNECTION = ("connection", "transfer-encoding", "keep-alive")  # headers that are not passed on
WITHIN_S = 60.0


class Proxy:
    """Runs in its own threads. Other paths than `PATH` get 404."""

    def __init__(self, port: int, *, removes_path: bool) -> None:
        """`port`: of the server."""
        handler = type("Handler", (_Handler,), {"port": port, "removes_path": removes_path})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.address = f"http://127.0.0.1:{self.server.server_port}{PATH}"

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    port: int
    removes_path: bool

    def pass_on(self) -> None:
        if not self.path.startswith(PATH):
            self.send_error(404)
            return
        path = (self.path.removeprefix(PATH) or "/") if self.removes_path else self.path
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in OF_A_CONNECTION}
        inner = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WITHIN_S)
        try:
            inner.request(self.command, path, body or None, headers)
            self.answer(inner.getresponse())
        finally:
            inner.close()

    def answer(self, reply: http.client.HTTPResponse) -> None:
        body = reply.read()
        self.send_response_only(reply.status)
        for name, value in reply.getheaders():
            if name.lower() not in (*OF_A_CONNECTION, "content-length"):
                self.send_header(name, value)
        if reply.status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_DELETE = do_OPTIONS = pass_on  # noqa: N815

    def log_message(self, *_: object) -> None:
        """No log: a failing test has enough output."""
