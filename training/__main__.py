"""`python -m training --media DIR`: train the bundled tiny model from nothing, or go on where a run stopped."""

import argparse
import hashlib
import itertools
from pathlib import Path

import torch

from lipar_core.config import load_preset
from lipar_core.weights import read_state
from training.codec import train_codec
from training.editor import train_editor
from training.export import export
from training.latents import encode_all
from training.media import eval_clips, train_clips, train_photos
from training.recipe import load_recipe
from training.samples import write_samples

PACKAGE = Path(__file__).parent.parent / "lipar_core" / "data" / "tiny.safetensors"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--media", type=Path, required=True, help="folder with MANIFEST.json, train/, photos/, eval/")
    parser.add_argument("--recipe", type=Path, default=Path(__file__).parent / "tiny.yaml")
    parser.add_argument("--codec", type=Path, help="a weights file whose autoencoder to go on from, instead of PCA")
    parser.add_argument("--editor", type=Path, help="a weights file whose editor to go on from, instead of nothing")
    parser.add_argument("--runs", type=Path, default=Path("training/runs/tiny"), help="where checkpoints are kept")
    parser.add_argument("--out", type=Path, default=PACKAGE, help="the weights file to write")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    recipe = load_recipe(args.recipe)
    preset = load_preset(recipe.preset)
    width, height = preset.stream.width, preset.stream.height
    clips = dict(train_clips(args.media, width, height, recipe.clip_frames))
    photos = dict(train_photos(args.media, width, height, recipe.photo_frames))
    check = dict(eval_clips(args.media, width, height))
    print(f"{len(clips)} excerpts of clips, {len(photos)} of photos", flush=True)
    earlier = read_state(args.codec) if args.codec else None
    frames, checkpoint = list(clips.values()), args.runs / "codec.pt"
    codec = train_codec(preset.codec, recipe.codec, frames, check, recipe.seed, checkpoint, earlier)
    everything = itertools.chain(clips.items(), photos.items())
    excerpts = encode_all(codec, everything, args.runs / "latents.pt")
    begun = read_state(args.editor) if args.editor else None
    editor = train_editor(preset, recipe.stages, excerpts, codec, recipe.seed, args.runs, begun)
    manifest = hashlib.sha256((args.media / "MANIFEST.json").read_bytes()).hexdigest()
    notes = {"recipe": args.recipe.read_text(), "media_sha256": manifest, "torch": str(torch.__version__)}
    if check:
        figures = write_samples(preset, codec, editor, dict(list(check.items())[:4]), args.runs / "samples.png")
        print("PSNR to the styles' targets: " + ", ".join(f"{style} {db:.1f}" for style, db in figures.items()))
    export(codec, editor, args.out, notes)
    print(f"wrote {args.out}, {args.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
