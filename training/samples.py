"""Edits evaluation clips with a trained model: a contact sheet, and metrics per style.

`python -m training.samples --media DIR --runs DIR --out FILE.png` shows the newest checkpoint during a run.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import torch

from lipar_core.config import Preset
from lipar_core.models.loading import Models
from lipar_core.models.precision import uniform
from lipar_core.models.prompts import PromptCache
from lipar_core.models.taehv import TAEHV
from lipar_core.parameter_changes import merge
from lipar_core.presets import default_parameters
from lipar_core.session import EditSession
from lipar_eval.classical_styles import STYLES
from lipar_eval.quality import psnr, ssim
from training import checkpoint
from training.codec import as_tensor
from training.media import Clip, eval_clips
from training.prompts import NAMES
from training.recipe import load_recipe, preset_of
from training.rollout import Editor

RECIPE = Path(__file__).parent / "tiny.yaml"
FRAMES = 12  # of each clip


def write_samples(preset: Preset, editor: Editor, clips: Mapping[str, Clip], path: Path) -> dict[str, str]:
    """Edit the clips in every style, unpruned: a row per style, with target and output of each clip.

    Returns PSNR (dB) and SSIM to the target, mean over the clips, per style.
    """
    models = Models(
        preset, editor.codec, editor.dit, PromptCache(editor.text), torch.device("cpu"), uniform(torch.float32)
    )
    metrics: dict[str, str] = {}
    rows: list[Clip] = []
    for style, draw in STYLES.items():
        prompt = NAMES[style][0] if style in NAMES else "no change"
        settings = merge(default_parameters(preset), {"prompt": prompt, "pruning": {"enabled": False}})
        results = []
        pictures = []
        for clip in clips.values():
            session: EditSession[int] = EditSession(models, settings)
            part = clip[:FRAMES]
            edited = session.push(torch.from_numpy(part).permute(0, 3, 1, 2), range(len(part))).frames
            targets = np.stack([draw(frame) for frame in part])
            target = as_tensor(targets)[: len(edited)]
            results.append((psnr(edited, target), ssim(edited, target)))
            pictures += [targets[-1], (edited[-1].permute(1, 2, 0).numpy() * 255).astype(np.uint8)]
        metrics[style] = "{:.1f}/{:.2f}".format(*np.mean(results, axis=0))
        rows.append(np.concatenate(pictures, axis=1))
    cv2.imwrite(str(path), cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR))
    return metrics


def newest(preset: Preset, folder: Path, stages: list[str]) -> tuple[str, Editor]:
    """The averaged editor of the newest checkpoint, and its stage and step."""
    editor = Editor(preset, TAEHV(preset.codec))
    for name in reversed(stages):
        if state := checkpoint.load(folder / f"{name}.pt"):
            editor.load_state_dict(state["averaged"])
            return f"{name} step {state['step']}", editor.eval().requires_grad_(False)
    raise SystemExit(f"{folder}: no checkpoint of any of {', '.join(stages)}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.samples", description=__doc__)
    parser.add_argument("--media", type=Path, required=True, help="folder with eval/")
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--runs", type=Path, default=Path("training/runs/tiny"), help="where checkpoints are kept")
    parser.add_argument("--out", type=Path, default=Path("training/runs/samples.png"), help="the picture to write")
    parser.add_argument("--clips", nargs="+", default=["eval_webcam_desk", "eval_talk_gestures", "eval_cat"])
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    recipe = load_recipe(args.recipe)
    preset = preset_of(recipe, args.recipe)
    position, editor = newest(preset, args.runs, [stage.name for stage in recipe.stages])
    results = dict(eval_clips(args.media, preset.stream.width, preset.stream.height))
    metrics = write_samples(preset, editor, {name: results[name] for name in args.clips}, args.out)
    print(f"{position}: " + ", ".join(f"{style} {metric}" for style, metric in metrics.items()))


if __name__ == "__main__":
    main()
