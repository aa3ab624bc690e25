"""What a file says of itself: title, date, languages, chapters. Where it was recorded is not passed on unasked."""

from fractions import Fraction

from av.container import InputContainer, OutputContainer
from av.stream import Stream

LOCATION_WORDS = ("location", "gps", "xyz", "geo", "latitude", "longitude")
OF_THE_CONTAINER = (
    "major_brand",
    "minor_version",
    "compatible_brands",
    "encoder",
    "software",
    "duration",
    "handler_name",
    "vendor_id",
)
MAX_TIMECODE_FPS = 255  # a timecode's frame number has 8 bits in MP4
STATISTICS = ("bps", "number_of_frames", "number_of_bytes", "_statistics")


# ISO 639-2 has two codes for some languages; FFmpeg's table of QuickTime's languages has only one of them.
# fmt: off
QUICKTIME_CODES = {
    "sqi": "alb", "hye": "arm", "eus": "baq", "mya": "bur", "zho": "chi", "cze": "ces", "nld": "dut",
    "fre": "fra", "kat": "geo", "deu": "ger", "ell": "gre", "isl": "ice", "mkd": "mac", "msa": "may",
    "fas": "per", "rum": "ron", "slo": "slk", "swe": "sve", "bod": "tib", "cym": "wel",
}
# fmt: on


def kept_tags(tags: dict[str, str], keep_location: bool) -> dict[str, str]:
    """Without what describes the old file's coding, and without places."""
    return {
        key: value
        for key, value in tags.items()
        if key.lower() not in OF_THE_CONTAINER
        and not key.lower().startswith(STATISTICS)
        and (keep_location or not is_location(key))
    }


def is_location(key: str) -> bool:
    return any(word in key.lower() for word in LOCATION_WORDS)


def has_location(container: InputContainer) -> bool:
    """Whether the file or one of its streams says where it was recorded."""
    every = [container.metadata, *(stream.metadata for stream in container.streams)]
    return any(is_location(key) for tags in every for key in tags)


def copy_file_tags(source: InputContainer, target: OutputContainer, shift: Fraction, keep_location: bool) -> None:
    """Tags and chapters; these move along with the pictures."""
    target.metadata.update(kept_tags(source.metadata, keep_location))
    chapters = source.chapters()
    for chapter in chapters:
        base = chapter["time_base"] or Fraction(1, 1000)
        chapter["start"] = max(0, chapter["start"] + round(shift / base))
        chapter["end"] = max(chapter["start"], chapter["end"] + round(shift / base))
        chapter["metadata"] = kept_tags(chapter["metadata"], keep_location)
    if chapters:
        target.set_chapters(chapters)


def copy_stream_tags(source: Stream, target: Stream, keep_location: bool) -> None:
    """Language, title and the like, and what the track is for."""
    target.metadata.update(kept_tags(source.metadata, keep_location))
    if target.container.format.name == "mov" and source.language in QUICKTIME_CODES:
        target.metadata["language"] = QUICKTIME_CODES[source.language]
    target.disposition = source.disposition


def drop_timecode(container: OutputContainer) -> bool:
    """Remove the timecode, which MP4 and MOV cannot write at high rates; tells whether there was one."""
    every = [container.metadata, *(stream.metadata for stream in container.streams)]
    found = [(tags, key) for tags in every for key in tags if key.lower() == "timecode"]
    for tags, key in found:
        del tags[key]
    return bool(found)
