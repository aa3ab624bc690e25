"""A reverse proxy that serves one server under a path, as nginx does: removing that path, or leaving it."""

import asyncio
import threading
from contextlib import suppress
from typing import Self

PATH = "/studio"


class Proxy:
    """On a thread of its own. Anything outside `PATH` is not found; one request a connection."""

    def __init__(self, port: int, *, removes_path: bool) -> None:
        """`port`: of the server behind it."""
        self.port, self.removes_path = port, removes_path
        self.address = ""
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._listening = threading.Event()

    def __enter__(self) -> Self:
        self.thread.start()
        self._listening.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self.stopped.set)
        self.thread.join()

    async def _run(self) -> None:
        self.loop, self.stopped = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{PATH}"
        self._listening.set()
        await self.stopped.wait()
        server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._pass_on(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # a browser drops connections that it has no use for
        finally:
            await close(writer)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, path, rest = head.split(" ", 2)
        if not path.startswith(PATH):
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        if self.removes_path:
            path = path.removeprefix(PATH) or "/"
        lines = [line for line in rest.rstrip().split("\r\n") if not line.lower().startswith("connection:")]
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self.port)
        request = "\r\n".join([f"{method} {path} {lines[0]}", *lines[1:], "Connection: close", "", ""])
        inner_writer.write(request.encode("latin-1"))
        sending = asyncio.ensure_future(_copy(reader, inner_writer))
        try:
            await _copy(inner_reader, writer)
        finally:
            sending.cancel()
            await close(inner_writer)


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
