"""A session's changes that wait for its next block or for the text encoder."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from lipar_core.acknowledgement import Acknowledgement
from lipar_core.errors import LiparError, ParameterError
from lipar_core.models.prompts import PromptEmbedding
from lipar_core.session import EditSession
from server import wire
from server.model.prompt_encoder import EncodedPrompt, PromptEncoder


@dataclass(frozen=True, slots=True)
class PendingPrompt:
    """Changes to apply once their prompt is encoded, and the requests to acknowledge then."""

    changes: dict[str, object]  # the prompt, and reset if requested with it
    requests: tuple[int, ...]


class PendingChanges:
    """Acknowledges each change as soon as it applies to the next block.

    A new prompt waits until it is encoded, while blocks continue with the old one; the rest of its change
    applies at once. Of several prompts the newest applies, and all their requests are acknowledged with its block.
    """

    def __init__(
        self, session: str, edit: EditSession[float], encoder: PromptEncoder, send: Callable[[wire.Event], None]
    ) -> None:
        """Requests the encoding of the initial prompt: until it is ready, `editable` is False."""
        self.session, self.edit, self.encoder, self.send = session, edit, encoder, send
        self._waiting: PendingPrompt | None = None
        self._embedding: PromptEmbedding | None = None  # of the current prompt; kept while paused
        self.editable = encoder.is_ready(edit.parameters.prompt)
        if self.editable:
            self._send_tokens()
        else:
            encoder.request(session, edit.parameters.prompt)

    def handle(self, message: wire.Change) -> None:
        """Apply a change, defer it, or reject it without any effect."""
        try:
            self.edit.check(message.changes)
        except ParameterError as error:
            self._reject([message.request], error.path, error.value, error.allowed)
            return
        waiting = self._waiting or PendingPrompt({}, ())
        prompt = message.changes.get("prompt")
        if prompt is None:
            self._apply(message.changes, [message.request])
        elif self.encoder.is_ready(str(prompt)):
            self._waiting = None
            self._apply({**waiting.changes, **message.changes}, [*waiting.requests, message.request])
        else:
            deferred = {name: value for name, value in message.changes.items() if name in ("prompt", "reset")}
            if at_once := {name: value for name, value in message.changes.items() if name not in deferred}:
                self._update(at_once)
            self._waiting = PendingPrompt({**waiting.changes, **deferred}, (*waiting.requests, message.request))
            self.encoder.request(self.session, str(prompt))

    def prompt_encoded(self, encoded: EncodedPrompt) -> None:
        """A requested prompt is encoded. Raises `LiparError` if the initial prompt could not be encoded."""
        if self._waiting is not None and encoded.prompt == self._waiting.changes["prompt"]:
            waiting, self._waiting = self._waiting, None
            if encoded.error is None:
                self._apply(waiting.changes, waiting.requests)
                return
            self._reject(waiting.requests, "prompt", encoded.prompt, encoded.error)
            if not self.editable:
                self.encoder.request(self.session, self.edit.parameters.prompt)
        elif encoded.prompt == self.edit.parameters.prompt and not self.editable:
            if encoded.error is not None:
                raise LiparError(encoded.error)
            self.editable = True
            self._send_tokens()

    def _apply(self, changes: Mapping[str, object], requests: Iterable[int]) -> None:
        acknowledgement = self._update(changes)
        if "prompt" in changes:
            self.editable = True
            self._send_tokens()  # before the acknowledgement, which contains them
        for request in requests:
            self.send(wire.ChangeAcknowledged(session=self.session, request=request, acknowledgement=acknowledgement))

    def _update(self, changes: Mapping[str, object]) -> Acknowledgement:
        acknowledgement = self.edit.update(changes)
        self.send(
            wire.ParametersApplied(
                session=self.session,
                block=acknowledgement.block,
                parameters=acknowledgement.parameters,
                reset=bool(changes.get("reset")),
            )
        )
        return acknowledgement

    def _reject(self, requests: Iterable[int], path: str, value: object, allowed: str) -> None:
        rejection = {"path": path, "value": repr(value), "allowed": allowed}
        for request in requests:
            self.send(wire.ChangeRejected(session=self.session, request=request, **rejection))

    def _send_tokens(self) -> None:
        embedding = self._embedding = self.encoder.prompts.encode(self.edit.parameters.prompt)  # cached
        self.send(wire.PromptEncoded(session=self.session, tokens=embedding.tokens))
