"""Disk space for checkpoints that are missing, and shared memory for the frames of the sessions."""

import shutil
from pathlib import Path

from lipar_cli.checks.result import Result, fail, ok
from lipar_cli.checks.target import Target
from lipar_core.config import Preset
from lipar_core.kinds.registry import TRANSFORMERS
from lipar_core.weight_files import locate, missing_weights, weights_folder
from server.ring import SHARED_MEMORY, ring_bytes

PUBLISHED_BYTES = 4  # per parameter of the transformer: its checkpoint is float32
CONVERTED_BYTES = 2  # per parameter of the copy that is made at the first start
RINGS = 2  # per session: to the model process and back


def check_disk(target: Target) -> Result:
    folder = weights_folder()
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return judge_disk(folder, download_bytes(target.preset), shutil.disk_usage(existing).free)


def download_bytes(preset: Preset) -> int:
    """Estimate of what is still to be downloaded and converted."""
    from lipar_core.checkpoints.weights import MetaDevice
    from lipar_core.memory_plan import parameter_count

    if not missing_weights(preset):
        return 0
    with MetaDevice():
        parameters = parameter_count(TRANSFORMERS.build(preset.transformer))
    transformer = 0 if locate(preset.weights.transformer).exists() else parameters * PUBLISHED_BYTES
    text = preset.text.disk_bytes(locate(preset.weights.text), preset.transformer)
    return transformer + parameters * CONVERTED_BYTES + text


def judge_disk(folder: Path, needed: int, free: int) -> Result:
    text = f"{free / 1e9:.1f} GB free for {folder}"
    if not needed:
        return ok(text)
    text = f"{text}, about {needed / 1e9:.1f} GB needed for missing checkpoints and their conversion"
    return ok(text) if free >= needed else fail(text, "free disk space, or set LIPAR_WEIGHTS to another disk")


def check_shared_memory(target: Target) -> Result:
    if not SHARED_MEMORY.is_dir():
        return ok(f"this system has no {SHARED_MEMORY}: shared memory has no separate limit")
    stream = target.preset.stream
    needed = target.settings.max_sessions * RINGS * ring_bytes(stream.width, stream.height, stream.frames_per_block)
    return judge_shared_memory(needed, shutil.disk_usage(SHARED_MEMORY).free, target.settings.max_sessions)


def judge_shared_memory(needed: int, free: int, sessions: int) -> Result:
    text = f"{SHARED_MEMORY} has {free / 1e6:.0f} MB free, {sessions} sessions need {needed / 1e6:.0f} MB"
    if free < needed:
        return fail(text, "docker: --shm-size=1g (compose: shm_size); else mount -o remount,size=1G /dev/shm")
    return ok(text)
