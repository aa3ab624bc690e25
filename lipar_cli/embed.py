"""`lipar embed`: encodes prompts into a file for machines without the text encoder."""

import argparse
from pathlib import Path

from lipar_cli.model_options import TEXT_DTYPE_HELP, TEXT_DTYPES
from lipar_cli.presets import resolve
from lipar_core.errors import LiparError


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "embed",
        help="encode prompts into a file",
        description="Encode the prompts of a text file, one per line, for presets with `text: {kind: precomputed}`.",
    )
    parser.add_argument(
        "prompts",
        type=Path,
        nargs="?",
        metavar="PROMPTS.txt",
        help="empty lines and lines starting with # are skipped (default: the preset's own styles)",
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.safetensors")
    parser.add_argument("--preset", default="auto", help="whose text encoder (default: auto)")
    parser.add_argument("--device", default="cpu", help="where the encoder runs (default: cpu)")
    parser.add_argument("--text-dtype", choices=TEXT_DTYPES, help=TEXT_DTYPE_HELP)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    given = None if args.prompts is None else read_prompts(args.prompts)
    from lipar_core.models.devices import select_device
    from lipar_core.models.embedding_files import write_embeddings
    from lipar_core.models.loading import load_text_encoder
    from lipar_core.presets import load_preset, with_text_dtype
    from lipar_core.weight_files import locate, missing_weights_remedy

    preset = with_text_dtype(load_preset(resolve(args.preset)), args.text_dtype)
    prompts = given or [style.prompt for style in preset.styles]
    if missing := preset.text.missing_parts(locate(preset.weights.text)):
        raise LiparError(f"preset {preset.name}: {'; '.join(missing)}: {missing_weights_remedy(preset)}")
    encoder = load_text_encoder(preset, select_device(args.device))
    for prompt in prompts:
        used, total = encoder.count_tokens(prompt)
        if total > used:
            print(f"truncated to {used} of {total} tokens: {prompt[:60]}")
    try:
        write_embeddings(args.output, encoder, prompts)
    except OSError as error:
        raise LiparError(f"{args.output}: {error.strerror}") from error
    if unknown := dict.fromkeys(word for prompt in prompts for word in encoder.unknown_words(prompt)):
        print(f"the model does not know {', '.join(map(repr, unknown))}: unknown words change little or nothing")
    print(f"{len(prompts)} {'prompt' if len(prompts) == 1 else 'prompts'} in {args.output}")
    return 0


def read_prompts(path: Path) -> list[str]:
    """The distinct prompts of a file; raises `LiparError`."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise LiparError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise LiparError(f"{path}: is not UTF-8 text") from error
    prompts = list(dict.fromkeys(line.strip() for line in lines if line.strip() and not line.startswith("#")))
    if not prompts:
        raise LiparError(f"{path}: has no prompts")
    return prompts
