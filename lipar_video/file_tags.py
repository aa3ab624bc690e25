"""File metadata: title, date, languages, chapters. The recording location is copied only on request."""

from fractions import Fraction

from av.container import InputContainer, OutputContainer
from av.stream import Stream

LOCATION_WORDS = ("location", "gps", "xyz", "geo", "latitude", "longitude")
CONTAINER_TAGS = (
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
STATISTICS_PREFIXES = ("bps", "number_of_frames", "number_of_bytes", "_statistics")


# ISO 639-2 has two codes for some languages; FFmpeg's table of QuickTime languages has only one of them.
# fmt: off
QUICKTIME_CODES = {
    "sqi": "alb", "hye": "arm", "eus": "baq", "mya": "bur", "zho": "chi", "cze": "ces", "nld": "dut",
    "fre": "fra", "kat": "geo", "deu": "ger", "ell": "gre", "isl": "ice", "mkd": "mac", "msa": "may",
    "fas": "per", "rum": "ron", "slo": "slk", "swe": "sve", "bod": "tib", "cym": "wel",
}
# fmt: on


def kept_tags(tags: dict[str, str], keep_location: bool) -> dict[str, str]:
    """Without tags that describe the old file's encoding, and without locations."""
    return {
        key: value
        for key, value in tags.items()
        if key.lower() not in CONTAINER_TAGS
        and not key.lower().startswith(STATISTICS_PREFIXES)
        and (keep_location or not is_location(key))
    }


def is_location(key: str) -> bool:
    return any(word in key.lower() for word in LOCATION_WORDS)


def has_location(container: InputContainer) -> bool:
    """Whether the file or one of its streams has a recording location."""
    all_tags = [container.metadata, *(stream.metadata for stream in container.streams)]
    return any(is_location(key) for tags in all_tags for key in tags)


def copy_file_tags(source: InputContainer, target: OutputContainer, shift: Fraction, keep_location: bool) -> None:
    """Copy tags and chapters; `shift` is added to the chapters' times (seconds)."""
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
    """Copy language, title and other tags, and the disposition."""
    target.metadata.update(kept_tags(source.metadata, keep_location))
    if target.container.format.name == "mov" and source.language in QUICKTIME_CODES:
        target.metadata["language"] = QUICKTIME_CODES[source.language]
    target.disposition = source.disposition


def drop_timecode(container: OutputContainer) -> bool:
    """Remove the timecode, which MP4 and MOV cannot store at high frame rates; returns whether there was one."""
    all_tags = [container.metadata, *(stream.metadata for stream in container.streams)]
    timecodes = [(tags, key) for tags in all_tags for key in tags if key.lower() == "timecode"]
    for tags, key in timecodes:
        del tags[key]
    return bool(timecodes)
