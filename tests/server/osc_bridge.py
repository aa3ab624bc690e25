"""A running `lipar osc`, and a client that sends it messages."""

import os
import signal
import socket
import subprocess
from queue import Queue
from threading import Thread

from pythonosc.osc_message_builder import OscMessageBuilder

from tests.cli.lipar_command import LIPAR_COMMAND

TIMEOUT_S = 60


class OscBridge:
    def __init__(self, url: str, session: str, token: str) -> None:
        command = [*LIPAR_COMMAND, "osc", "--port", "0", "--url", url, "--session", session]
        environment = {**os.environ, "LIPAR_TOKEN": token}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
        self.lines: Queue[str] = Queue()
        self.reader = Thread(target=self._read, daemon=True)
        self.reader.start()
        first = self.line()
        assert first.startswith("listening"), first
        self.port = int(first.split("port ")[1].split(",")[0])

    def answer(self, address: str, *arguments: object) -> str:
        """The line that it prints for a message."""
        message = OscMessageBuilder(address)
        for argument in arguments:
            message.add_arg(argument)
        return self.answer_to(message.build().dgram)

    def answer_to(self, packet: bytes) -> str:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(packet, ("127.0.0.1", self.port))
        return self.line()

    def line(self) -> str:
        return self.lines.get(timeout=TIMEOUT_S).rstrip()

    def stop(self) -> int:
        """Its exit code."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=TIMEOUT_S)
        self.reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)
