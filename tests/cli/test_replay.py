"""`lipar replay` on files."""

import msgspec
import numpy as np
import pytest

from lipar_core.parameters import Parameters
from lipar_core.presets import load_preset
from lipar_core.region import Region
from lipar_core.session_timeline import SessionTimeline, TimelineEntry
from tests.cli.clips import make_clip, read
from tests.cli.test_region import columns, write_mask


@pytest.fixture
def replay(lipar, preset, tmp_path):
    """`replay(source, (block, prompt), ...)` replays such a timeline losslessly; returns frames and standard error."""

    def run(source, *prompts: tuple[int, str], flags=()):
        pruning = load_preset(preset).pruning
        region = Region(source="frames", feather=0)  # without masks everything is edited
        entries = tuple(
            TimelineEntry(block=block, parameters=Parameters(prompt=prompt, pruning=pruning, region=region))
            for block, prompt in prompts
        )
        timeline = SessionTimeline(preset=str(preset), size="96x64", dtype="float32", entries=entries)
        (tmp_path / "timeline.json").write_bytes(msgspec.json.encode(timeline))
        code, _, stderr = lipar(
            "replay", tmp_path / "timeline.json", source, "-o", tmp_path / "out.mp4", "--crf", 0, *flags
        )
        assert code == 0, stderr
        return np.stack(read(tmp_path / "out.mp4").frames), stderr

    return run


def test_a_replay_changes_the_prompt_at_the_recorded_block(tmp_path, edit, replay):
    source = make_clip(tmp_path / "in.mp4", 17)
    edited = np.stack(read(edit(source, "--crf", 0)[0]).frames)
    unchanged, _ = replay(source, (0, "a pencil sketch"))
    assert (unchanged == edited).all()
    changed, stderr = replay(source, (0, "a pencil sketch"), (2, "a watercolour"), (90, "an oil painting"))
    differs = (changed != edited).any(axis=(1, 2, 3))
    assert not differs[:4].any()
    assert differs[8:].all()
    assert "before 1 later change" in stderr
    assert "masks that were received for each frame are not in a timeline" in stderr


def test_a_replay_takes_the_frames_masks_from_a_file(tmp_path, replay, lipar):
    source = make_clip(tmp_path / "in.mp4", 17)
    whole, _ = replay(source, (0, "a pencil sketch"))
    masks = write_mask(tmp_path / "mask.mkv", [columns(0, 0)] * 8 + [columns(48, 96)] * 9)
    flags = ("--region", masks, "--side-by-side")
    both, stderr = replay(source, (0, "a pencil sketch"), flags=flags)
    before, after = both[:, :, :96], both[:, :, 96:]
    assert "not in a timeline" not in stderr
    assert (after[:5] == before[:5]).all()
    assert (after[12:, :, :46] == before[12:, :, :46]).all()
    assert (after[12:, :, 50:] != before[12:, :, 50:]).any()
    assert (after[12:, :, :46] != whole[12:, :, :46]).any()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ('{"preset": "tiny", "size": "256x144"}', "entries: missing"),
        ('{"preset": "tiny", "size": "256x144", "entries": [{"block": 1, "parameters": {"prompt": "a"}}]}', "block 0"),
        ('{"preset": "tiny", "size": "256x144", "entries": [{"block": 0, "parameters": {"prompt": 1}}]}', "prompt"),
    ],
)
def test_an_invalid_timeline_is_rejected(tmp_path, clip, lipar, text, message):
    (tmp_path / "bad.json").write_text(text)
    code, _, stderr = lipar("replay", tmp_path / "bad.json", clip, "-o", tmp_path / "out.mp4")
    assert code == 2
    assert message in stderr
    assert "bad.json" in stderr
