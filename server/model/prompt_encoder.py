"""Encodes prompts in a thread: a large text encoder on a CPU takes seconds per prompt."""

import logging
import multiprocessing
import queue
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

from lipar_core.models.prompt_mix import cached_embeddings
from lipar_core.models.prompts import PromptCache

log = logging.getLogger(__name__)

MIN_TIMEOUT_S = 120.0  # UMT5 needs a minute for a prompt of maximum length on two slow cores
TIMEOUT_FACTOR = 10  # times the slowest prompt so far, the warm-up's included


@dataclass(frozen=True, slots=True)
class EncodedPrompts:
    """Requested prompts that are encoded, or could not be."""

    session: str
    texts: tuple[str, ...]
    error: str | None = None
    failed: str = ""  # the text that could not be encoded


@dataclass(frozen=True, slots=True)
class ActiveEncoding:
    """A prompt that is being encoded. Times on the monotonic clock."""

    session: str
    prompt: str
    started_at: float


class PromptEncoder:
    """A thread that fills a `PromptCache`. Of several requests of a session only the newest is encoded."""

    def __init__(self, prompts: PromptCache) -> None:
        self.prompts = prompts
        # readable when `take` returns something: the loop waits for it together with its pipe
        self.readable: Connection
        self.readable, self._writable = multiprocessing.Pipe(duplex=False)
        self._requested: dict[str, tuple[str, ...]] = {}  # session -> the texts of its newest request
        self._encoding: ActiveEncoding | None = None  # in progress
        self._lock = threading.Lock()
        self._sessions: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[EncodedPrompts] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="prompt encoder", daemon=True).start()

    def is_ready(self, texts: tuple[str, ...]) -> bool:
        return cached_embeddings(self.prompts, texts) is not None

    def request(self, session: str, texts: tuple[str, ...]) -> None:
        """Encode the prompts of a mix, or one; they replace waiting ones of the same session."""
        with self._lock:
            self._requested[session] = texts
        self._sessions.put(session)

    def take(self) -> list[EncodedPrompts]:
        """Requests done since the last call. A session may have requested other prompts meanwhile."""
        done = []
        while self.readable.poll():
            self.readable.recv_bytes()
            done.append(self._done.get())
        return done

    def hung(self, now: float) -> ActiveEncoding | None:
        """The encoding that exceeds its timeout, if any. A thread cannot be stopped: the process has to end."""
        encoding, timeout_s = self._encoding, max(MIN_TIMEOUT_S, TIMEOUT_FACTOR * self.prompts.max_encode_s)
        return encoding if encoding is not None and now - encoding.started_at > timeout_s else None

    def _run(self) -> None:
        while True:
            session = self._sessions.get()
            with self._lock:
                texts = self._requested.pop(session, None)
            if texts is not None:  # else newer ones were encoded instead
                self._done.put(self._encode(session, texts))
                self._encoding = None
                self._writable.send_bytes(b".")

    def _encode(self, session: str, texts: tuple[str, ...]) -> EncodedPrompts:
        for text in texts:
            self._encoding = ActiveEncoding(session, text, time.monotonic())
            try:
                self.prompts.encode(text)
            except Exception as error:  # any error of a text encoder is reported to the requester
                log.exception("a prompt could not be encoded")
                reason = f"the text encoder failed: {type(error).__name__}: {error}"
                return EncodedPrompts(session, texts, reason, text)
        return EncodedPrompts(session, texts)
