"""Prompts encoded beside the loop that edits blocks: a large text encoder on a CPU takes seconds for one."""

import logging
import multiprocessing
import queue
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection

from lipar_core.prompts import PromptCache

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A prompt that a session asked for is ready, or could not be encoded."""

    session: str
    prompt: str
    error: str | None = None


class PromptEncoder:
    """A thread that fills a `PromptCache`. Of several prompts that a session asks for, only the newest is encoded."""

    def __init__(self, prompts: PromptCache) -> None:
        self.prompts = prompts
        # readable when `take` has something to give: the loop waits for it together with its pipe
        self.readable: Connection
        self.readable, self._writable = multiprocessing.Pipe(duplex=False)
        self._wanted: dict[str, str] = {}  # session -> its newest prompt; whoever pops it encodes it
        self._lock = threading.Lock()
        self._sessions: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Encoded] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="prompt encoder", daemon=True).start()

    def is_ready(self, prompt: str) -> bool:
        return self.prompts.get(prompt) is not None

    def request(self, session: str, prompt: str) -> None:
        """Encode it, in place of one of the session that waits."""
        with self._lock:
            self._wanted[session] = prompt
        self._sessions.put(session)

    def take(self) -> list[Encoded]:
        """What has been encoded since the last call. A session may have asked for another prompt meanwhile."""
        done = []
        while self.readable.poll():
            self.readable.recv_bytes()
            done.append(self._done.get())
        return done

    def _run(self) -> None:
        while True:
            session = self._sessions.get()
            with self._lock:
                prompt = self._wanted.pop(session, None)
            if prompt is not None:  # else a newer one was encoded in its place
                self._done.put(self._encode(session, prompt))
                self._writable.send_bytes(b".")

    def _encode(self, session: str, prompt: str) -> Encoded:
        try:
            self.prompts.encode(prompt)
        except Exception as error:  # whatever a text encoder may raise is told to whoever asked
            log.exception("a prompt could not be encoded")
            return Encoded(session, prompt, f"the text encoder failed: {type(error).__name__}: {error}")
        return Encoded(session, prompt)
