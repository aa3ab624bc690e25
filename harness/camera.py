"""A fake camera for Chromium: a clip of tests/media as a raw file that is played in a loop."""

from pathlib import Path

import av

from harness.local import ROOT

MEDIA = ROOT / "tests" / "media"


def write_camera(clip: str, target: Path, *, width: int, height: int, frames: int) -> float:
    """Write the first `frames` of a clip as YUV4MPEG2 at the given size; returns the loop's duration in seconds."""
    with av.open(str(MEDIA / clip)) as source, target.open("wb") as out:
        stream = source.streams.video[0]
        rate = stream.average_rate
        assert rate is not None
        out.write(f"YUV4MPEG2 W{width} H{height} F{rate.numerator}:{rate.denominator} Ip A1:1 C420jpeg\n".encode())
        written = 0
        for frame in source.decode(stream):
            if written == frames:
                break
            planes = frame.reformat(width, height, format="yuv420p").to_ndarray()
            out.write(b"FRAME\n" + planes.tobytes())
            written += 1
    assert written == frames, f"{clip} has only {written} frames"
    return frames / float(rate)
