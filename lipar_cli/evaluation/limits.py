"""What the bundled model has to reach, line by line: from the rows of `looks` and `long` to passed or not.

A line's figure is of the worst style unless it says otherwise. Lines whose rows were not measured are left out.
"""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from lipar_cli.evaluation.summary import Row, means

GRID = 1.25  # border over inner gradient; targets with more than this have a grid of their own
FACES = 0.9  # of the faces found in the targets
HIDDEN = 0.5  # a target hides faces where fewer than this share of the source's are found in it
NO_EDIT_DB = 29.5
CODEC_GAP_DB, GOOD_DB = 3.0, 29.0  # a style may be so far from the codec's round trip of its target, or is good
MEAN_SSIM, MIN_SSIM = 0.80, 0.70
EXPECTED_STYLE = 0.97  # share of frames
FLICKER = 1.5  # times the target's
DRIFT_DB = 0.3  # between the first and the last half minute
PRUNED_DB, PRUNED_KEEP = 32.0, 0.6


def limits(looks: Sequence[Row], long: Sequence[Row], motions: dict[str, str]) -> list[Row]:
    """A row per line: what, measured, limit, passed. `motions`: clip -> low, medium or high, where that is known."""
    lines: list[Row] = []
    if looks:
        styles = means(looks, ["style"])
        lines += [_grid(styles), *_faces(looks), *_fidelity(styles, looks), *_flicker(styles)]
        lines += _pruned([row for row in looks if motions.get(str(row["clip"]), "low") != "high"])
    if len(long) > 1:
        lost = _number(long[0], "psnr_db") - _number(long[-1], "psnr_db")
        lines.append(_line(f"drift in {long[-1]['second']} s, dB lost", lost, f"<= {DRIFT_DB}", lost <= DRIFT_DB))
    return lines


def hides_faces(looks: Sequence[Row]) -> list[str]:
    """The styles in whose targets fewer than half of the source's faces are found."""
    rows = [row for row in looks if "faces" in row]
    sums = {style: _sums(row for row in rows if row["style"] == style) for style in _names(rows)}
    return [style for style, found in sums.items() if found["faces"] < HIDDEN * found["source_faces"]]


def read_motions(clips: Iterable[Path]) -> dict[str, str]:
    """Clip name -> motion, from a MANIFEST.json in the clips' folder or the one above; empty where there is none."""
    found: dict[str, str] = {}
    for folder in {place for clip in clips for place in (clip.parent, clip.parent.parent)}:
        manifest = folder / "MANIFEST.json"
        for entry in json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else []:
            if "motion" in entry:
                found[Path(entry["file"]).stem] = entry["motion"]
    return found


def _grid(styles: Sequence[Row]) -> Row:
    drawn = [row for row in styles if _number(row, "target_grid") <= GRID]
    own = [str(row["style"]) for row in styles if row not in drawn]
    worst, value = _worst(drawn, "grid", max)
    text = f"grid ratio ({worst}; grid of their own: {', '.join(own) or 'none'})"
    return _line(text, value, f"<= {GRID}", value <= GRID)


def _faces(looks: Sequence[Row]) -> list[Row]:
    rows = [row for row in looks if "faces" in row]
    sums = _sums(rows)
    if not sums["faces"]:
        return []
    share = sums["faces_found"] / sums["faces"]
    text = (
        f"faces found, {sums['faces_found']} of {sums['faces']} (hidden by: {', '.join(hides_faces(rows)) or 'none'})"
    )
    return [_line(text, share, f">= {FACES}", share >= FACES)]


def _fidelity(styles: Sequence[Row], looks: Sequence[Row]) -> list[Row]:
    lines = []
    if plain := [row for row in styles if str(row["style"]).lower() == "no edit"]:
        found = _number(plain[0], "psnr_db")
        lines.append(_line("no edit, dB", found, f">= {NO_EDIT_DB}", found >= NO_EDIT_DB))
    edited = [row | {"gap": _number(row, "codec_db") - _number(row, "psnr_db")} for row in styles]
    far = [row for row in edited if _number(row, "psnr_db") < GOOD_DB]
    worst, gap = _worst(far, "gap", max) if far else ("all good", 0.0)
    bad = sum(_number(row, "gap") > CODEC_GAP_DB for row in far)
    text = f"dB below the codec's target where under {GOOD_DB:g} dB ({worst}; {bad} of {len(styles)} styles fail)"
    lines.append(_line(text, gap, f"<= {CODEC_GAP_DB:g}", not bad))
    mean = sum(_number(row, "ssim") for row in styles) / len(styles)
    lines.append(_line("SSIM, mean of styles", mean, f">= {MEAN_SSIM}", mean >= MEAN_SSIM))
    worst, least = _worst(styles, "ssim", min)
    lines.append(_line(f"SSIM ({worst})", least, f">= {MIN_SSIM}", least >= MIN_SSIM))
    share = sum(_number(row, "expected_style") for row in looks) / len(looks)
    lines.append(_line("frames of the expected style", share, f">= {EXPECTED_STYLE}", share >= EXPECTED_STYLE))
    return lines


def _flicker(styles: Sequence[Row]) -> list[Row]:
    rated = [row | {"ratio": _number(row, "flicker") / max(_number(row, "target_flicker"), 1e-6)} for row in styles]
    rated = [row for row in rated if not math.isnan(_number(row, "ratio"))]
    if not rated:
        return []
    worst, ratio = _worst(rated, "ratio", max)
    total = means(rated)[0]
    unpruned, codec = _number(total, "unpruned_flicker"), _number(total, "codec_flicker")
    text = f"flicker over the target's ({worst}; unpruned {unpruned:.2f} levels, codec {codec:.2f})"
    return [_line(text, ratio, f"<= {FLICKER}", ratio <= FLICKER)]


def _pruned(rows: Sequence[Row]) -> list[Row]:
    if not rows:
        return []
    total = means(rows)[0]
    db, keep = _number(total, "pruned_db"), _number(total, "kept")
    text = f"pruned to unpruned, dB, low and medium motion, {keep:.2f} kept"
    limit = f">= {PRUNED_DB:g} at <= {PRUNED_KEEP}"
    return [_line(text, db, limit, db >= PRUNED_DB and keep <= PRUNED_KEEP)]


def _line(what: str, measured: float, limit: str, passed: bool) -> Row:
    return {"line": what, "measured": measured, "limit": limit, "passed": "yes" if passed else "NO"}


def _worst(rows: Sequence[Row], name: str, choose: Callable[..., Row]) -> tuple[str, float]:
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
