"""VBench's metrics of a single video (arXiv 2311.17982), by the optional `vbench` program."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from torch import Tensor

from lipar_eval.clips import to_picture
from lipar_eval.summary import Row
from lipar_video.writer import VideoWriter

DIMENSIONS = ("subject_consistency", "background_consistency", "motion_smoothness", "imaging_quality")
FPS, CRF = 16, 10
MISSING_NOTE = "VBench not measured: the program vbench is not installed"


def find_vbench() -> str | None:
    """The program, or None."""
    return shutil.which("vbench")


def score(program: str, videos: Mapping[str, Mapping[str, Tensor]]) -> tuple[list[Row], str]:
    """videos: variant -> clip -> frames [N, 3, H, W] in [0, 1]. A row per variant, and a note for the report."""
    rows: list[Row] = []
    for variant, clips in videos.items():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "videos").mkdir()
            for clip, frames in clips.items():
                _write(folder / "videos" / f"{clip}.mp4", frames)
            row: Row = {"variant": variant}
            for dimension in DIMENSIONS:
                command = [program, "evaluate", "--dimension", dimension, "--videos_path", str(folder / "videos")]
                command += ["--output_path", str(folder / dimension), "--mode=custom_input"]
                run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
                results = sorted((folder / dimension).glob("*eval_results.json"))
                if run.returncode or not results:
                    reason = (run.stderr.strip().splitlines() or ["no results"])[-1]
                    return rows, f"VBench not measured: {dimension} failed ({reason})"
                row[dimension] = float(json.loads(results[-1].read_text())[dimension][0])
        rows.append(row)
    return rows, "VBench, mean of all clips"


def _write(path: Path, frames: Tensor) -> None:
    height, width = frames.shape[-2:]
    with VideoWriter(path, width, height, Fraction(FPS), Fraction(1, FPS), CRF) as writer:
        for number, frame in enumerate(frames):
            writer.write(to_picture(frame), number, 1)
