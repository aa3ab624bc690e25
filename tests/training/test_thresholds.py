"""The table of thresholds, on a folder of one clip for each kind of motion."""

import json
import re
import sys

from tests.cli.clips import make_clip
from training import thresholds


def test_the_table_has_a_row_for_each_threshold(tmp_path, monkeypatch, capsys):
    (tmp_path / "train").mkdir()
    entries = []
    for motion in thresholds.MOTIONS:
        make_clip(tmp_path / "train" / f"{motion}.mp4", 24, size=(256, 144))
        entries.append({"file": f"train/{motion}.mp4", "split": "train", "kind": "video", "tags": [], "motion": motion})
        entries[-1]["fps"] = 25
    (tmp_path / "MANIFEST.json").write_text(json.dumps(entries))
    flags = ("--media", str(tmp_path), "--clips", "1", "--frames", "12", "--sizes", "256x144")
    monkeypatch.setattr(sys, "argv", ["thresholds", *flags])
    thresholds.main()
    text = capsys.readouterr().out
    assert "256x144, 3 clips" in text
    rows = [row.split("|")[1:-1] for row in text.splitlines() if re.match(r"\| \d", row)]
    assert [float(row[0]) for row in rows] == list(thresholds.THRESHOLDS)
    ratios = [float(row[1]) for row in rows]
    assert ratios == sorted(ratios, reverse=True)
    assert 0 < ratios[0] < 0.5
    assert rows[0][1] == rows[0][2] == rows[0][3]
