"""Acceptance limits of the bundled model, checked against the rows of `looks` and `long`.

A value is that of the worst style unless stated otherwise. Limits without measured rows are left out.
"""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from lipar_eval.summary import Row, means

MAX_GRID_RATIO = 1.25  # border over inner gradient; targets above this have their own grid
MIN_FACES_FOUND = 0.9  # ratio of the faces found in the targets
HIDES_FACES_BELOW = 0.5  # a target with less than this ratio of the source's faces hides faces
MIN_NO_EDIT_DB = 29.5
MAX_CODEC_GAP_DB, GOOD_DB = 3.0, 29.0  # max distance to the codec's round trip of the target, for styles below GOOD_DB
MIN_MEAN_SSIM, MIN_SSIM = 0.80, 0.70
MIN_STYLE_ACCURACY = 0.97  # ratio of frames
MAX_FLICKER_RATIO = 1.5  # times the target's
MAX_DRIFT_DB = 0.3  # between the first and the last half minute
MIN_PRUNED_DB, MAX_PRUNED_KEEP = 32.0, 0.6


def limits(looks: Sequence[Row], long: Sequence[Row], motions: dict[str, str]) -> list[Row]:
    """A row per limit: what, measured, limit, passed. `motions`: clip -> low, medium or high, if known."""
    lines: list[Row] = []
    if looks:
        styles = means(looks, ["style"])
        lines += [_grid(styles), *_faces(looks), *_fidelity(styles, looks), *_flicker(styles)]
        lines += _pruned([row for row in looks if motions.get(str(row["clip"]), "low") != "high"])
    if len(long) > 1:
        lost = _number(long[0], "psnr_db") - _number(long[-1], "psnr_db")
        lines.append(
            _limit_row(f"drift in {long[-1]['second']} s, dB lost", lost, f"<= {MAX_DRIFT_DB}", lost <= MAX_DRIFT_DB)
        )
    return lines


def hides_faces(looks: Sequence[Row]) -> list[str]:
    """The styles whose targets show less than half of the source's faces."""
    rows = [row for row in looks if "faces" in row]
    sums = {style: _sums(row for row in rows if row["style"] == style) for style in _names(rows)}
    return [style for style, total in sums.items() if total["faces"] < HIDES_FACES_BELOW * total["source_faces"]]


def read_motions(clips: Iterable[Path]) -> dict[str, str]:
    """Clip name -> motion, from a MANIFEST.json in the clips' folder or its parent; empty if there is none."""
    motions: dict[str, str] = {}
    for folder in {parent for clip in clips for parent in (clip.parent, clip.parent.parent)}:
        manifest = folder / "MANIFEST.json"
        for entry in json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else []:
            if "motion" in entry:
                motions[Path(entry["file"]).stem] = entry["motion"]
    return motions


def _grid(styles: Sequence[Row]) -> Row:
    drawn = [row for row in styles if _number(row, "target_grid") <= MAX_GRID_RATIO]
    own = [str(row["style"]) for row in styles if row not in drawn]
    worst, value = _worst_style(drawn, "grid", max)
    text = f"grid ratio ({worst}; grid of their own: {', '.join(own) or 'none'})"
    return _limit_row(text, value, f"<= {MAX_GRID_RATIO}", value <= MAX_GRID_RATIO)


def _faces(looks: Sequence[Row]) -> list[Row]:
    rows = [row for row in looks if "faces" in row]
    sums = _sums(rows)
    if not sums["faces"]:
        return []
    ratio = sums["faces_found"] / sums["faces"]
    text = (
        f"faces found, {sums['faces_found']} of {sums['faces']} (hidden by: {', '.join(hides_faces(rows)) or 'none'})"
    )
    return [_limit_row(text, ratio, f">= {MIN_FACES_FOUND}", ratio >= MIN_FACES_FOUND)]


def _fidelity(styles: Sequence[Row], looks: Sequence[Row]) -> list[Row]:
    lines = []
    if plain := [row for row in styles if str(row["style"]).lower() == "no edit"]:
        measured = _number(plain[0], "psnr_db")
        lines.append(_limit_row("no edit, dB", measured, f">= {MIN_NO_EDIT_DB}", measured >= MIN_NO_EDIT_DB))
    edited = [row | {"gap": _number(row, "codec_db") - _number(row, "psnr_db")} for row in styles]
    far = [row for row in edited if _number(row, "psnr_db") < GOOD_DB]
    worst, gap = _worst_style(far, "gap", max) if far else ("all good", 0.0)
    bad = sum(_number(row, "gap") > MAX_CODEC_GAP_DB for row in far)
    text = f"dB below the codec's target where under {GOOD_DB:g} dB ({worst}; {bad} of {len(styles)} styles fail)"
    lines.append(_limit_row(text, gap, f"<= {MAX_CODEC_GAP_DB:g}", not bad))
    mean = sum(_number(row, "ssim") for row in styles) / len(styles)
    lines.append(_limit_row("SSIM, mean of styles", mean, f">= {MIN_MEAN_SSIM}", mean >= MIN_MEAN_SSIM))
    worst, lowest = _worst_style(styles, "ssim", min)
    lines.append(_limit_row(f"SSIM ({worst})", lowest, f">= {MIN_SSIM}", lowest >= MIN_SSIM))
    accuracy = sum(_number(row, "style_accuracy") for row in looks) / len(looks)
    lines.append(_limit_row("style accuracy", accuracy, f">= {MIN_STYLE_ACCURACY}", accuracy >= MIN_STYLE_ACCURACY))
    return lines


def _flicker(styles: Sequence[Row]) -> list[Row]:
    rated = [row | {"ratio": _number(row, "flicker") / max(_number(row, "target_flicker"), 1e-6)} for row in styles]
    rated = [row for row in rated if not math.isnan(_number(row, "ratio"))]
    if not rated:
        return []
    worst, ratio = _worst_style(rated, "ratio", max)
    total = means(rated)[0]
    unpruned = _number(total, "unpruned_flicker")
    codec = _number(total, "codec_flicker")
    text = f"flicker over the target's ({worst}; unpruned {unpruned:.2f} levels, codec {codec:.2f})"
    return [_limit_row(text, ratio, f"<= {MAX_FLICKER_RATIO}", ratio <= MAX_FLICKER_RATIO)]


def _pruned(rows: Sequence[Row]) -> list[Row]:
    if not rows:
        return []
    total = means(rows)[0]
    db = _number(total, "pruned_db")
    keep = _number(total, "kept")
    text = f"pruned to unpruned, dB, low and medium motion, {keep:.2f} kept"
    limit = f">= {MIN_PRUNED_DB:g} at <= {MAX_PRUNED_KEEP}"
    return [_limit_row(text, db, limit, db >= MIN_PRUNED_DB and keep <= MAX_PRUNED_KEEP)]


def _limit_row(what: str, measured: float, limit: str, passed: bool) -> Row:
    return {"line": what, "measured": measured, "limit": limit, "passed": "yes" if passed else "NO"}


def _worst_style(rows: Sequence[Row], name: str, choose: Callable[..., Row]) -> tuple[str, float]:
    row: Row = choose(rows, key=lambda row: _number(row, name))
    return str(row["style"]), _number(row, name)


def _names(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(str(row["style"]) for row in rows))


def _sums(rows: Iterable[Row]) -> dict[str, int]:
    sums = {"source_faces": 0, "faces": 0, "faces_found": 0}
    for row in rows:
        for name in sums:
            value = row[name]
            assert isinstance(value, int)
            sums[name] += value
    return sums


def _number(row: Row, name: str) -> float:
    value = row[name]
    assert isinstance(value, (int, float))
    return float(value)
