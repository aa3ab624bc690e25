"""`lipar doctor`: checks this machine's hardware, software and weights, and runs a self-test."""

import argparse
import platform
import shutil
import sys

FAILED = 1


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "doctor", help="check this machine", description="Report what is installed and what is missing."
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    import av
    import torch

    from lipar_core.errors import LiparError
    from lipar_core.kernels.attention import HAS_FLASH_ATTENTION
    from lipar_core.presets import load_preset, preset_names
    from lipar_core.weight_files import missing_weights

    print(f"Python {platform.python_version()}, PyTorch {torch.__version__}, PyAV {av.__version__}")
    print(f"system {platform.platform()}, {torch.get_num_threads()} threads")
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            found = torch.cuda.get_device_properties(index)
            print(f"cuda:{index} {found.name}, {found.total_memory / 2**30:.0f} GiB")
    else:
        print("no CUDA device: the bundled tiny model runs on the CPU")
    print(f"FlashAttention {'is' if HAS_FLASH_ATTENTION else 'is not'} installed (optional, GPU only)")
    codecs = {name: name in av.codecs_available for name in ("libx264", "h264", "libvpx", "aac")}
    print("codecs: " + ", ".join(f"{name} {'yes' if present else 'MISSING'}" for name, present in codecs.items()))
    for program in ("chromium", "turnserver"):
        print(f"{program}: {shutil.which(program) or 'not installed (only the tests use it)'}")
    for name in preset_names():
        missing = missing_weights(load_preset(name))
        print(f"preset {name}: {'; '.join(missing) if missing else 'all weights are present'}")
    try:
        print(f"self-test: preset tiny edited a block, {_self_test():.1f} frames per second")
    except LiparError as error:
        print(f"self-test FAILED: {error}", file=sys.stderr)
        return FAILED
    return 0 if all(codecs.values()) else FAILED


def _self_test() -> float:
    """Edit a few blocks with the bundled model; returns frames per second."""
    import time

    import torch

    from lipar_core.errors import LiparError
    from lipar_core.models.registry import load_models
    from lipar_core.presets import load_preset
    from lipar_core.session import EditSession

    preset = load_preset("tiny")
    session: EditSession[int] = EditSession(load_models(preset, "cpu"))
    frames = torch.rand(8 * preset.stream.frames_per_block, 3, preset.stream.height, preset.stream.width)
    session.push(frames[: preset.stream.frames_per_block], range(preset.stream.frames_per_block))
    started = time.perf_counter()
    edited = session.push(frames, range(len(frames)))
    if not edited.frames.isfinite().all() or edited.frames.std() < 0.01:
        raise LiparError("the edited picture is empty")
    return len(frames) / (time.perf_counter() - started)
