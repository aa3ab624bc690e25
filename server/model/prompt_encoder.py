"""Encodes prompts in a thread: a large text encoder on a CPU takes seconds per prompt."""

import logging
import multiprocessing
import queue
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

from lipar_core.models.prompts import PromptCache

log = logging.getLogger(__name__)

MIN_TIMEOUT_S = 120.0  # UMT5 needs a minute for a prompt of maximum length on two slow cores
TIMEOUT_FACTOR = 10  # times the slowest prompt so far, the warm-up's included


@dataclass(frozen=True, slots=True)
class EncodedPrompt:
    """A requested prompt that is encoded, or could not be."""

    session: str
    prompt: str
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ActiveEncoding:
    """A prompt that is being encoded. Times on the monotonic clock."""

    session: str
    prompt: str
    started_at: float


class PromptEncoder:
    """A thread that fills a `PromptCache`. Of several prompts requested by a session only the newest is encoded."""

    def __init__(self, prompts: PromptCache) -> None:
        self.prompts = prompts
        # readable when `take` returns something: the loop waits for it together with its pipe
        self.readable: Connection
        self.readable, self._writable = multiprocessing.Pipe(duplex=False)
        self._requested: dict[str, str] = {}  # session -> its newest prompt to encode
        self._encoding: ActiveEncoding | None = None  # in progress
        self._lock = threading.Lock()
        self._sessions: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[EncodedPrompt] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="prompt encoder", daemon=True).start()

    def is_ready(self, prompt: str) -> bool:
        return self.prompts.get(prompt) is not None

    def request(self, session: str, prompt: str) -> None:
        """Encode a prompt; it replaces a waiting prompt of the same session."""
        with self._lock:
            self._requested[session] = prompt
        self._sessions.put(session)

    def take(self) -> list[EncodedPrompt]:
        """Prompts encoded since the last call. A session may have requested another prompt meanwhile."""
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
                prompt = self._requested.pop(session, None)
            if prompt is not None:  # else a newer one was encoded instead
                self._encoding = ActiveEncoding(session, prompt, time.monotonic())
                self._done.put(self._encode(session, prompt))
                self._encoding = None
                self._writable.send_bytes(b".")

    def _encode(self, session: str, prompt: str) -> EncodedPrompt:
        try:
            self.prompts.encode(prompt)
        except Exception as error:  # any error of a text encoder is reported to the requester
            log.exception("a prompt could not be encoded")
            return EncodedPrompt(session, prompt, f"the text encoder failed: {type(error).__name__}: {error}")
        return EncodedPrompt(session, prompt)
