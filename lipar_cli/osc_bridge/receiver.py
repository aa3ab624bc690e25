"""Receives OSC packets by UDP and sends the changes that they mean, the newest value of each parameter."""

import logging
import socketserver
import threading
from typing import Any

from pythonosc.osc_packet import OscPacket, ParseError

from lipar_cli.osc_bridge.parameters import OscError, OscParameters
from lipar_cli.osc_bridge.session_client import SessionClient
from lipar_core.errors import LiparError, ParameterError

log = logging.getLogger(__name__)


class OscReceiver(socketserver.UDPServer):
    """A thread takes packets; `run` sends one request at a time, with what has changed meanwhile.

    A fader sends a hundred values a second, of which only the newest counts.
    """

    def __init__(self, address: tuple[str, int], parameters: OscParameters, client: SessionClient) -> None:
        super().__init__(address, _Packet)
        self.parameters, self.client = parameters, client
        self._waiting: dict[str, dict[str, Any]] = {}  # by OSC address: its newest change
        self._changed = threading.Condition()
        threading.Thread(target=self.serve_forever, name="osc", daemon=True).start()

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.socket.getsockname()[:2]
        return str(host), int(port)

    def take_packet(self, data: bytes) -> None:
        try:
            messages = [timed.message for timed in OscPacket(data).messages]
        except ParseError as error:
            log.warning("%d bytes are no OSC packet: %s", len(data), error)
            return
        for message in messages:
            try:
                change = self.parameters.change_of(message.address, list(message.params))
            except OscError as error:
                log.warning("%s", error)
                continue
            if change:
                self._put(message.address, change)

    def run(self) -> None:
        """Until interrupted."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                waiting, self._waiting = self._waiting, {}
            for address, change in waiting.items():
                self._send(address, change)

    def _put(self, address: str, change: dict[str, Any]) -> None:
        with self._changed:
            self._waiting.pop(address, None)  # the newest is last
            self._waiting[address] = change
            self._changed.notify()

    def _send(self, address: str, change: dict[str, Any]) -> None:
        try:
            acknowledgement = self.client.change(change)
        except ParameterError as error:
            log.warning("%s %r: %s", self.parameters.address_of(error.path), error.value, error.allowed)
        except LiparError as error:
            log.warning("%s: %s", address, error)
        else:
            log.info("%s: from block %d", address, acknowledgement["block"])


class _Packet(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, OscReceiver)
        self.server.take_packet(self.request[0])
