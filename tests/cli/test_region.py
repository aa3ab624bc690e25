"""`lipar edit --region`: what is outside of a mask stays as it is."""

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.cli.clips import make_clip, read

FRAMES = 14  # more than a block


def write_mask(path, masks: list[NDArray[np.bool_]]):
    """A file of black and white pictures."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png" if path.suffix == ".png" else "libx264", rate=25)
        stream.height, stream.width = masks[0].shape
        stream.pix_fmt = "rgb24" if path.suffix == ".png" else "yuv420p"
        for mask in masks:
            picture = np.repeat((mask * 255).astype(np.uint8)[..., None], 3, axis=-1)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=stream.pix_fmt)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def columns(first: int, last: int, size: tuple[int, int] = (96, 64)) -> NDArray[np.bool_]:
    """White from column `first` to `last`, exclusive."""
    mask = np.zeros((size[1], size[0]), dtype=bool)
    mask[:, first:last] = True
    return mask


@pytest.fixture
def pairs(edit, tmp_path):
    """`pairs(mask, "--flag")` edits a clip losslessly; returns its frames as they were read and as they are shown."""
    source = make_clip(tmp_path / "in.mp4", FRAMES)

    def run(mask, *flags):
        made, printed = edit(source, "--region", mask, "--region-feather", 0, "--side-by-side", "--crf", 0, *flags)
        frames = np.stack(read(made).frames)
        return frames[:, :, :96], frames[:, :, 96:], printed

    return run


def test_a_picture_of_another_resolution_limits_the_edit(pairs, tmp_path):
    mask = write_mask(tmp_path / "mask.png", [columns(96, 192, (192, 128))])  # the right half, at twice the size
    before, after, _ = pairs(mask)
    assert (before[:, :, :46] == after[:, :, :46]).all()  # the last two columns share a chroma sample with the edit
    assert (before[:, :, 50:] != after[:, :, 50:]).any(axis=(1, 2, 3)).all()


def test_a_video_advances_with_the_clip(pairs, tmp_path):
    masks = [columns(4 * i, 4 * i + 32) for i in range(FRAMES + 2)]
    before, after, printed = pairs(write_mask(tmp_path / "mask.mkv", masks))
    for i in range(FRAMES):
        outside = ~columns(4 * i - 2, 4 * i + 34) if i else ~columns(0, 34)
        assert (before[i][outside] == after[i][outside]).all()
        assert (before[i][masks[i]] != after[i][masks[i]]).any()
    assert "its last 2 frames were not used" in printed


def test_a_frozen_region_keeps_its_first_picture(pairs, tmp_path):
    mask = write_mask(tmp_path / "mask.png", [columns(0, 48)])
    _, after, _ = pairs(mask, "--region-mode", "freeze")
    assert (after[10:, :, :46] == after[9, :, :46]).all()  # 9 frames of a first block are shown
    assert (after[10:, :, 50:] != after[9, :, 50:]).any()


@pytest.mark.parametrize(
    ("masks", "flags", "message"),
    [
        ([columns(0, 9, (64, 64))], (), "mask.mkv: 64x64, the input is 96x64: must have the same aspect ratio"),
        ([columns(0, 9)] * 3, (), "mask.mkv: 3 frames, the input has 14: must be one for each"),
        ([columns(0, 9)], ("--region-box", 0, 0, 1, 1), "--region: cannot be used together with --region-box"),
        ([], (), "--region: input"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(lipar, preset, tmp_path, masks, flags, message):
    source, target = make_clip(tmp_path / "in.mp4", FRAMES), tmp_path / "out.mp4"
    mask = tmp_path / "mask.mkv"
    if masks:
        write_mask(mask, masks)
    given = ("edit", source, "-o", target, "-p", "a sketch", "--preset", preset, "--region", mask, *flags)
    code, _, stderr = lipar(*given)
    assert code == 2
    assert message in stderr
    assert not target.exists()
