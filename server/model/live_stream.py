"""One stream in the model process: an `EditSession` between two rings."""

import time
from collections.abc import Callable
from contextlib import ExitStack, closing

import numpy as np
import torch

from lipar_core.kernels.yuv420p import frames_from_planes, planes_from_frames
from lipar_core.models.loading import Models
from lipar_core.parameter_changes import merge
from lipar_core.presets import default_parameters
from lipar_core.runtime.host_copy import DeviceCopy, HostCopy
from lipar_core.session import EditSession
from lipar_core.sizes import stream_at
from lipar_core.stream.output import EditedFrames
from server import wire
from server.model.pending_changes import PendingChanges
from server.model.prompt_encoder import PromptEncoder
from server.model.stream_masks import StreamMasks
from server.ring import FrameRing


class LiveStream:
    """Takes frames from the incoming ring, puts edited ones into the outgoing ring."""

    def __init__(
        self, models: Models, opened: wire.Open, encoder: PromptEncoder, send: Callable[[wire.Event], None]
    ) -> None:
        """Raises `FileNotFoundError` if its rings do not exist, `MemoryError` or torch's error without memory."""
        self.name = opened.session
        self.send = send
        parameters = merge(default_parameters(models.preset, live=True), opened.parameters)
        stream = stream_at(models.preset, opened.size)
        self.region_masks = StreamMasks(lambda: self.edit.parameters.region.source == "frames")
        self.edit: EditSession[float] = EditSession(models, parameters, size=opened.size, masks=self.region_masks)
        with ExitStack() as attached:
            self.incoming, self.outgoing = (
                attached.enter_context(closing(FrameRing(stream.width, stream.height, stream.frames_per_block, name)))
                for name in (opened.incoming, opened.outgoing)
            )
            self.changes = PendingChanges(self.name, self.edit, encoder, send)
            attached.pop_all()  # without an error they are closed with the session
        self._upload, self._download = DeviceCopy(models.device), HostCopy(models.device)
        self.clean_ms = 0.0  # of the newest clean pass
        self.sends_keep_masks = opened.keep_masks

    @property
    def waiting_since(self) -> float | None:
        """Arrival of the waiting block's newest frame; while paused a single frame suffices. None: no block waits."""
        has_work = self.incoming.has_block or (self.edit.parameters.paused and len(self.incoming) > 0)
        return self.incoming.block_pts if has_work and self.changes.editable else None

    def edit_block(self, waited_s: float) -> wire.BlockDone:
        """Edit the waiting block. `waited_s`: how long it has waited for its turn."""
        started = time.perf_counter()
        planes, pts = self.incoming.take(self.incoming.frames_per_block)
        self.send(wire.FramesTaken(session=self.name, total=self.incoming.read))
        edited = self.edit.push(frames_from_planes(self._upload(torch.from_numpy(planes))), pts)
        self._download.start(planes_from_frames(edited.frames))
        out = self._download.wait().numpy()
        put = [self.outgoing.put(frame, stamp) for frame, stamp in zip(out, edited.pts, strict=True)]
        self.send(wire.FramesPut(session=self.name, total=self.outgoing.written))
        report = edited.blocks[-1] if edited.blocks else None
        return wire.BlockDone(
            session=self.name,
            block=report.number if report else self.edit.next_block,
            frames=sum(put),
            dropped=len(put) - sum(put),
            keep_ratio=report.keep_ratio if report else 0.0,
            active_ratio=report.active_ratio if report else 1.0,
            noise_levels=report.noise_levels if report else None,
            stage_ms=report.stage_ms if report else {},
            queue_ms=waited_s * 1000,
            edit_ms=(time.perf_counter() - started) * 1000,
            clean_ms=self.clean_ms,
            masks=frame_masks(edited) if self.sends_keep_masks else [],
        )

    def finish_block(self) -> None:
        """Do what only later blocks need of the newest one."""
        started = time.perf_counter()
        self.edit.finish_block()
        self.clean_ms = (time.perf_counter() - started) * 1000

    def close(self) -> None:
        self.edit.close()
        self.incoming.close()
        self.outgoing.close()


def frame_masks(edited: EditedFrames[float]) -> list[wire.FrameMask]:
    """The keep mask of every edited frame; waits for the device."""
    bits = np.packbits(edited.keep.flatten(1).cpu().numpy(), axis=1)
    return [wire.FrameMask(pts=stamp, bits=row.tobytes()) for stamp, row in zip(edited.pts, bits, strict=True)]
