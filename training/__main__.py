"""`python -m training --media DIR`: trains the bundled tiny model from scratch, or resumes a stopped run."""

import argparse
import hashlib
import itertools
from pathlib import Path

import torch

from lipar_core.checkpoints.checkpoint_file import read_tensors
from lipar_core.config import Preset
from training.codec import train_codec
from training.editor import load_editor, train_editor, trained_editor
from training.excerpts import load_excerpts
from training.export import export
from training.media import Clip, eval_clips, train_clips, train_photos
from training.recipe import Recipe, load_recipe, preset_of
from training.renderer import plain_config, train_renderer
from training.rollout import Editor
from training.samples import RECIPE, write_samples


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--media", type=Path, required=True, help="folder with MANIFEST.json, train/, photos/, eval/")
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--codec", type=Path, help="a weights file whose autoencoder is used instead of training one")
    parser.add_argument("--editor", type=Path, help="a weights file with the initial transformer and text encoder")
    parser.add_argument("--continue", dest="trained", type=Path, help="a weights file, all of which is trained further")
    parser.add_argument("--stages", nargs="+", help="with --continue: the stages to run (default: the last two)")
    parser.add_argument("--runs", type=Path, default=Path("training/runs/tiny"), help="folder of the checkpoints")
    parser.add_argument("--out", type=Path, help="the weights file to write (default: tiny.safetensors in that folder)")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    recipe = load_recipe(args.recipe)
    preset = preset_of(recipe, args.recipe)
    clips = train_clips(args.media, recipe.sizes, recipe.clip_frames)
    photos = train_photos(args.media, recipe.sizes, recipe.photo_frames)
    excerpts = load_excerpts(itertools.chain(clips, photos), args.runs)
    check = dict(eval_clips(args.media, preset.stream.width, preset.stream.height))
    print(f"{len(excerpts)} excerpts", flush=True)
    if args.trained:
        editor = _continue(args, recipe, preset, excerpts)
    else:
        editor = _train(args, recipe, preset, excerpts, check)
    manifest = hashlib.sha256((args.media / "MANIFEST.json").read_bytes()).hexdigest()
    notes = {"recipe": args.recipe.read_text(), "media_sha256": manifest, "torch": str(torch.__version__)}
    metrics = write_samples(preset, editor, dict(list(check.items())[:4]), args.runs / "samples.png")
    print("PSNR and SSIM to the styles' targets: " + ", ".join(f"{name} {value}" for name, value in metrics.items()))
    out = args.out or args.runs / "tiny.safetensors"
    export(editor, out, notes)
    print(f"wrote {out}, {out.stat().st_size / 1e6:.1f} MB")


def _train(
    args: argparse.Namespace, recipe: Recipe, preset: Preset, excerpts: list[Clip], check: dict[str, Clip]
) -> Editor:
    """The whole recipe."""
    initial = read_tensors(args.codec) if args.codec else None
    plain = plain_config(preset.codec)
    codec = train_codec(plain, recipe.codec, excerpts, check, recipe.seed, args.runs / "codec.pt", initial)
    codec_with_renderers = train_renderer(preset, recipe.renderer, codec, excerpts, recipe.seed, args.runs)
    torch.manual_seed(recipe.seed)
    editor = Editor(preset, codec_with_renderers)
    if args.editor:
        load_editor(editor, read_tensors(args.editor), preset, str(args.editor))
    return train_editor(editor, preset, recipe.stages, excerpts, recipe.seed, args.runs)


def _continue(args: argparse.Namespace, recipe: Recipe, preset: Preset, excerpts: list[Clip]) -> Editor:
    """The named stages, from trained weights."""
    editor = trained_editor(preset, read_tensors(args.trained), str(args.trained))
    names = args.stages or [stage.name for stage in recipe.stages[-2:]]
    if recipe.renderer.name in names:
        editor.codec = train_renderer(preset, recipe.renderer, editor.codec, excerpts, recipe.seed, args.runs)
    stages = tuple(stage for stage in recipe.stages if stage.name in names)
    return train_editor(editor, preset, stages, excerpts, recipe.seed, args.runs)


if __name__ == "__main__":
    main()
