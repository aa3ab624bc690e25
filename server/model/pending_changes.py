"""A session's changes that wait for its next block or for the text encoder."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from lipar_core.acknowledgement import Acknowledgement
from lipar_core.errors import LiparError, ParameterError
from lipar_core.models.prompt_mix import total_tokens
from lipar_core.models.prompts import PromptEmbedding
from lipar_core.session import EditSession
from server import wire
from server.model.prompt_encoder import EncodedPrompts, PromptEncoder

DEFERRED = ("prompt", "prompts", "reset")  # until the new prompts are encoded


@dataclass(frozen=True, slots=True)
class PendingPrompts:
    """Changes to apply once their prompts are encoded, and the requests to acknowledge then."""

    changes: dict[str, object]  # of the prompts, and reset if requested with them
    texts: tuple[str, ...]
    requests: tuple[int, ...]


class PendingChanges:
    """Acknowledges each change as soon as it applies to the next block.

    A new prompt, or a mix of them, waits until it is encoded, while blocks continue with the old one; the rest of its
    change applies at once. Of several the newest applies, and all their requests are acknowledged with its block.
    """

    def __init__(
        self, session: str, edit: EditSession[float], encoder: PromptEncoder, send: Callable[[wire.Event], None]
    ) -> None:
        """Requests the encoding of the initial prompt: until it is ready, `editable` is False."""
        self.session, self.edit, self.encoder, self.send = session, edit, encoder, send
        self._waiting: PendingPrompts | None = None
        self._embeddings: list[PromptEmbedding] = []  # of the current prompts; kept while paused
        self.editable = encoder.is_ready(edit.parameters.texts)
        if self.editable:
            self._send_tokens()
        else:
            encoder.request(session, edit.parameters.texts)

    def handle(self, message: wire.Change) -> None:
        """Apply a change, defer it, or reject it without any effect."""
        try:
            texts = self.edit.check(message.changes).texts
        except ParameterError as error:
            self._reject([message.request], error.path, error.value, error.allowed)
            return
        if not changes_prompts(message.changes):
            self._apply(message.changes, [message.request])
            return
        waiting = self._waiting or PendingPrompts({}, (), ())
        earlier = {name: value for name, value in waiting.changes.items() if name == "reset"}
        requests = (*waiting.requests, message.request)
        if self.encoder.is_ready(texts):
            self._waiting = None
            self._apply({**earlier, **message.changes}, requests)
        else:
            deferred = {name: value for name, value in message.changes.items() if name in DEFERRED}
            if at_once := {name: value for name, value in message.changes.items() if name not in deferred}:
                self._update(at_once)
            self._waiting = PendingPrompts({**earlier, **deferred}, texts, requests)
            self.encoder.request(self.session, texts)

    def prompts_encoded(self, encoded: EncodedPrompts) -> None:
        """Requested prompts are encoded. Raises `LiparError` if those of the start could not be encoded."""
        if self._waiting is not None and encoded.texts == self._waiting.texts:
            waiting, self._waiting = self._waiting, None
            if encoded.error is None:
                self._apply(waiting.changes, waiting.requests)
                return
            self._reject(waiting.requests, _path_of(encoded, waiting.changes), encoded.failed, encoded.error)
            if not self.editable:
                self.encoder.request(self.session, self.edit.parameters.texts)
        elif encoded.texts == self.edit.parameters.texts and not self.editable:
            if encoded.error is not None:
                raise LiparError(encoded.error)
            self.editable = True
            self._send_tokens()

    def _apply(self, changes: Mapping[str, object], requests: Iterable[int]) -> None:
        acknowledgement = self._update(changes)
        if changes_prompts(changes):
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
        texts = self.edit.parameters.texts
        self._embeddings = [self.encoder.prompts.encode(text) for text in texts]  # cached
        self.send(wire.PromptEncoded(session=self.session, tokens=total_tokens(self._embeddings)))


def changes_prompts(changes: Mapping[str, object]) -> bool:
    return "prompt" in changes or "prompts" in changes


def _path_of(encoded: EncodedPrompts, changes: Mapping[str, object]) -> str:
    """The parameter whose text could not be encoded."""
    return f"prompts[{encoded.texts.index(encoded.failed)}].text" if changes.get("prompts") else "prompt"
