"""CUDA graphs: whether the device records them at the preset's sizes, and gives what the operations give."""

from typing import TYPE_CHECKING

from lipar_cli.checks.kernels import available_device
from lipar_cli.checks.result import Result, ok, warn
from lipar_cli.checks.target import Target

if TYPE_CHECKING:
    from lipar_core.models.loading import Models
    from lipar_core.runtime.recorded_graphs import RecordedGraphs

LAYERS = 2  # of the transformer, with random weights: all layers are alike


def check_graphs(target: Target) -> Result:
    from lipar_core.kernels.start_up import kernels_mode
    from lipar_core.models.loading import load_models
    from lipar_core.presets import with_random_weights

    device = available_device(target)
    if device.type != "cuda":
        return ok("none are used: they run on a GPU only")
    if kernels_mode() == "reference":
        return ok("none are used: turned off by LIPAR_KERNELS=reference")
    preset = with_random_weights(target.preset, LAYERS)
    return judge_graphs(session_graphs(load_models(preset, str(device), target.settings.dtype)))


def session_graphs(models: "Models") -> "list[RecordedGraphs]":
    """Of a session that edits blocks in full until its cache is full, and then still ones."""
    import torch

    from lipar_core.runtime.recorded_graphs import recorded_graphs
    from lipar_core.session import EditSession

    stream = models.preset.stream
    session: EditSession[int] = EditSession(models)
    until_full = -(-(stream.sink_frames + stream.window_frames) // stream.block_frames) + 1
    pictures = torch.rand(until_full, 1, 3, stream.height, stream.width)
    for picture in [*pictures, pictures[-1], pictures[-1]]:
        session.push(picture.expand(stream.frames_per_block, -1, -1, -1), range(stream.frames_per_block))
        session.finish_block()
    graphs = recorded_graphs(session.passes.graphs, models.codec)
    session.close()
    return graphs


def judge_graphs(parts: "list[RecordedGraphs]") -> Result:
    counts = ", ".join(f"{part.part} {part.recorded} of {part.total}" for part in parts)
    text = f"recorded and equal to their operations: {counts}"
    problems = {name: problem for part in parts for name, problem in part.problems.items()}
    if problems:
        reasons = "; ".join(f"{name}: {problem}" for name, problem in problems.items())
        return warn(f"{text}; not used: {reasons}", "report this with `lipar doctor --json`; all else works")
    return ok(text)
