"""Prompts encoded on a thread of their own: a large text encoder on a CPU takes seconds for one."""

import logging
import multiprocessing
import queue
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

from lipar_core.models.prompts import PromptCache

log = logging.getLogger(__name__)

MIN_TIMEOUT_S = 120.0  # that a prompt may take at least: UMT5 needs a minute for its longest on two slow cores
TIMEOUT_FACTOR = 10  # what the slowest has taken so far, the one of the warm-up first


@dataclass(frozen=True, slots=True)
class EncodedPrompt:
    """A prompt that a session asked for is ready, or could not be encoded."""

    session: str
    prompt: str
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ActiveEncoding:
    """A prompt that is being encoded, since when on the monotonic clock."""

    session: str
    prompt: str
    began: float


class PromptEncoder:
    """A thread that fills a `PromptCache`. Of several prompts that a session asks for, only the newest is encoded."""

    def __init__(self, prompts: PromptCache) -> None:
        self.prompts = prompts
        # readable when `take` has something to give: the loop waits for it together with its pipe
        self.readable: Connection
        self.readable, self._writable = multiprocessing.Pipe(duplex=False)
        self._wanted: dict[str, str] = {}  # session -> its newest prompt to encode
        self._encoding: ActiveEncoding | None = None  # what the thread does now
        self._lock = threading.Lock()
        self._sessions: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[EncodedPrompt] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="prompt encoder", daemon=True).start()

    def is_ready(self, prompt: str) -> bool:
        return self.prompts.get(prompt) is not None

    def request(self, session: str, prompt: str) -> None:
        """Encode it, in place of one of the session that waits."""
        with self._lock:
            self._wanted[session] = prompt
        self._sessions.put(session)

    def take(self) -> list[EncodedPrompt]:
        """What has been encoded since the last call. A session may have asked for another prompt meanwhile."""
        done = []
        while self.readable.poll():
            self.readable.recv_bytes()
            done.append(self._done.get())
        return done

    def hung(self, now: float) -> ActiveEncoding | None:
        """What takes so long that it will not end; a thread cannot be ended, so that the process has to."""
        encoding, timeout_s = self._encoding, max(MIN_TIMEOUT_S, TIMEOUT_FACTOR * self.prompts.max_encode_s)
        return encoding if encoding is not None and now - encoding.began > timeout_s else None

    def _run(self) -> None:
        while True:
            session = self._sessions.get()
            with self._lock:
                prompt = self._wanted.pop(session, None)
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
