"""The model process's loop: the only thread that uses the device; sessions take turns by block."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait

import torch

from lipar_core.errors import LiparError
from lipar_core.load_progress import load_progress_to, report_load_progress
from lipar_core.memory_plan import check_gpu_memory, session_text
from lipar_core.models.loading import Models, load_models
from lipar_core.presets import load_preset, with_text_dtype
from lipar_core.session import EditSession
from lipar_core.sizes import size_names, stream_at, with_size
from server import wire
from server.model.live_stream import LiveStream
from server.model.load_reporter import LoadReporter
from server.model.prompt_encoder import ActiveEncoding, EncodedPrompts, PromptEncoder
from server.model.scheduler import Scheduler, Turn
from server.model_options import ModelOptions

log = logging.getLogger(__name__)

HEARTBEAT_S = 1.0  # maximum time between messages
MEMORY_REMEDY = "end another session or program that uses this memory, or serve fewer at once (--max-sessions)"


class ModelLoop:
    """Handles messages between blocks, and edits a block of each session in turn."""

    def __init__(self, pipe: Connection, models: Models) -> None:
        self.pipe, self.models = pipe, models
        self.sessions: dict[str, LiveStream] = {}
        self.scheduler = Scheduler()
        self.encoder = PromptEncoder(models.prompts)
        self.running = True
        self.sent_at = time.monotonic()

    def run(self) -> None:
        """Run until a `Stop` command, or until the web process has ended."""
        try:
            while self.running:
                self.run_once()
        except (EOFError, BrokenPipeError):
            log.info("the web process has ended")
        finally:
            for name in list(self.sessions):
                self.close_session(name)

    def run_once(self) -> None:
        """Handle all received messages, then edit one block; without either, wait for a message."""
        if not self.waiting():
            wait([self.pipe, self.encoder.readable], HEARTBEAT_S)
        while self.pipe.poll():
            self.handle(wire.receive_command(self.pipe))
        for encoded in self.encoder.take():
            self.prompts_encoded(encoded)
        if encoding := self.encoder.hung(time.monotonic()):
            self.exit_hung(encoding)
            return
        if (turn := self.scheduler.pick(self.waiting(), time.monotonic())) is not None:
            self.edit_block(turn)
        if time.monotonic() - self.sent_at > HEARTBEAT_S:
            self.send(wire.Heartbeat())

    def waiting(self) -> dict[str, float]:
        """Sessions with a block to edit, and the arrival of its newest frame."""
        since = {name: session.waiting_since for name, session in self.sessions.items()}
        return {name: arrived_at for name, arrived_at in since.items() if arrived_at is not None}

    def handle(self, message: wire.Command) -> None:
        match message:
            case wire.Open():
                self.open(message)
            case wire.Close():
                self.close_session(message.session)
            case wire.Change():
                self.change(message)
            case wire.FramesPut():
                if session := self.sessions.get(message.session):
                    session.incoming.set_written(message.total)
            case wire.FramesTaken():
                if session := self.sessions.get(message.session):
                    session.outgoing.set_read(message.total)
            case wire.RegionMask():
                if session := self.sessions.get(message.session):
                    session.region_masks.add(message)
            case wire.SendKeepMasks():
                if session := self.sessions.get(message.session):
                    session.sends_keep_masks = message.enabled
            case wire.Stop():
                self.running = False

    def open(self, message: wire.Open) -> None:
        self.close_session(message.session)
        with self.isolate_errors(message.session):
            try:
                session = LiveStream(self.models, message, self.encoder, self.send)
            except FileNotFoundError:  # its rings were removed: it ended while a block was edited
                log.info("session %s ended before it was opened", message.session)
            else:
                self.sessions[message.session] = session
                self.scheduler.add(message.session)
                self.send(wire.Opened(session=message.session))

    def change(self, message: wire.Change) -> None:
        if session := self.sessions.get(message.session):
            with self.isolate_errors(message.session):
                session.changes.handle(message)

    def prompts_encoded(self, encoded: EncodedPrompts) -> None:
        if session := self.sessions.get(encoded.session):
            with self.isolate_errors(encoded.session):
                session.changes.prompts_encoded(encoded)

    def edit_block(self, turn: Turn) -> None:
        with self.isolate_errors(turn.session):
            session = self.sessions[turn.session]
            self.send(session.edit_block(turn.waited_s))
            session.finish_block()  # while the frames are on their way

    @contextmanager
    def isolate_errors(self, name: str) -> Iterator[None]:
        """An error of a session ends only that session."""
        try:
            yield
        except (torch.AcceleratorError, BrokenPipeError):
            raise  # the device is lost: only a new process can use it again; or the web process has ended
        except (torch.OutOfMemoryError, MemoryError) as error:
            why = (str(error) or "no more").splitlines()[0]
            plan = session_text(
                self.models.preset,
                len(self.sessions | {name: None}),
                self.models.precision,
                on_gpu=self.models.device.type == "cuda",
            )
            self.models.pool.clear()
            self.fail_session(name, f"out of memory on {self.models.device}: {why}; {plan}; {MEMORY_REMEDY}")
        except Exception as error:
            log.exception("session %s failed", name)
            self.fail_session(name, f"{type(error).__name__}: {error}")

    def exit_hung(self, encoding: ActiveEncoding) -> None:
        """The text encoder hangs: end the process, and a session whose initial prompt would make the next one hang too.

        A session with a change of prompt continues: its request is rejected when the process ends.
        """
        seconds = time.monotonic() - encoding.started_at
        reason = f"the text encoder has been encoding one prompt for {seconds:.0f} s"
        session = self.sessions.get(encoding.session)
        if session is not None and not session.changes.editable:
            self.fail_session(encoding.session, reason)
        self.send(wire.Exiting(reason=reason))
        self.running = False

    def fail_session(self, name: str, reason: str) -> None:
        self.close_session(name)
        self.send(wire.SessionFailed(session=name, reason=reason))

    def close_session(self, name: str) -> None:
        session = self.sessions.pop(name, None)
        if session is not None:
            self.scheduler.remove(name)
            session.close()

    def send(self, message: wire.Event) -> None:
        wire.send(self.pipe, message)
        self.sent_at = time.monotonic()


def run_model_process(pipe: Connection, options: ModelOptions) -> None:
    """Run the model process: load the models, warm up, report readiness, run the loop."""
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    try:
        started = time.perf_counter()
        preset = with_text_dtype(with_size(load_preset(options.preset), options.size), options.text_dtype)
        check_gpu_memory(preset, options.device, options.dtype)
        with load_progress_to(LoadReporter(pipe, time.monotonic)):
            models = load_models(preset, options.device, options.dtype)
            load_ms = 1000 * (time.perf_counter() - started)
            warmup_ms, block_ms = warm_up(models)
    except LiparError as error:
        wire.send(pipe, wire.LoadFailed(reason=str(error)))
        return
    except (torch.OutOfMemoryError, MemoryError) as error:
        why = (str(error) or "no more").splitlines()[0]
        wire.send(pipe, wire.LoadFailed(reason=f"the model does not fit in memory: {why}"))
        return
    buckets = {size: models.buckets(stream_at(preset, size)) for size in size_names(preset)}
    dtype = str(models.precision)
    wire.send(pipe, wire.Ready(load_ms=load_ms, warmup_ms=warmup_ms, block_ms=block_ms, dtype=dtype, buckets=buckets))
    ModelLoop(pipe, models).run()


def warm_up(models: Models) -> tuple[float, float]:
    """Edit two blocks, so that the first viewer does not wait for kernels to be chosen; more where graphs are recorded.

    Returns milliseconds in total, and of the last block. All are noise, so that every token is computed.
    """
    stream = models.preset.stream
    session: EditSession[int] = EditSession(models)
    until_full = -(-(stream.sink_frames + stream.window_frames) // stream.block_frames)
    times = []
    blocks = 2 if models.record is None else until_full + 2
    for number in range(1, blocks + 1):
        report_load_progress(f"editing warm-up block {number} of {blocks}")
        started = time.perf_counter()
        edited = session.push(
            torch.rand(stream.frames_per_block, 3, stream.height, stream.width), range(stream.frames_per_block)
        )
        edited.frames.cpu()  # waits for the device
        times.append((time.perf_counter() - started) * 1000)
    session.finish_block()
    session.close()
    return sum(times), times[-1]
