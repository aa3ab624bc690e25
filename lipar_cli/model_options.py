"""Command line options for preset, picture size, device, dtype and threads."""

import argparse
from typing import TYPE_CHECKING, get_args

from lipar_cli.presets import resolve
from lipar_core.config import Preset
from lipar_core.kinds.text import TextDtype
from lipar_core.presets import load_preset, with_text_dtype
from lipar_core.sizes import with_size

if TYPE_CHECKING:
    from lipar_core.models.loading import Models

SIZE_HELP = "picture size WIDTHxHEIGHT, one of the preset's"
TEXT_DTYPES = get_args(TextDtype)
TEXT_DTYPE_HELP = "of the text encoder's weights; int8 takes half the memory (default: the preset's)"
DTYPE_HELP = "auto, float32, bfloat16 or float16 (default: the preset's)"


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """--preset, --size, --device, --dtype, --text-dtype, --threads."""
    parser.add_argument("--preset", default="auto", help="auto, a bundled preset, or a YAML file (default: auto)")
    parser.add_argument("--size", help=f"{SIZE_HELP} (default: its own)")
    add_device_options(parser)


def add_device_options(parser: argparse.ArgumentParser) -> None:
    """--device, --dtype, --text-dtype, --threads."""
    parser.add_argument("--device", help="cpu or cuda (default: the preset's)")
    parser.add_argument("--dtype", help=DTYPE_HELP)
    parser.add_argument("--text-dtype", choices=TEXT_DTYPES, help=TEXT_DTYPE_HELP)
    parser.add_argument("--threads", type=int, help="on a CPU (default: PyTorch's choice)")


def chosen_preset(args: argparse.Namespace) -> Preset:
    """The preset at the chosen size; also sets the threads. Raises `LiparError` for an unavailable device."""
    from lipar_cli.threads import set_threads
    from lipar_core.models.devices import select_device

    if args.device is not None:
        select_device(args.device)
    set_threads(args.threads)
    return with_text_dtype(with_size(load_preset(resolve(args.preset)), args.size), args.text_dtype)


def chosen_models(args: argparse.Namespace, preset: Preset) -> "Models":
    """The preset's networks."""
    from lipar_core.memory_plan import check_gpu_memory
    from lipar_core.models.loading import load_models

    check_gpu_memory(preset, args.device, args.dtype)
    return load_models(preset, args.device, args.dtype)
