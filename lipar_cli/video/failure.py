"""What FFmpeg and the system say of a failure, in words for a user."""

import errno

import av

PLAIN = {  # where FFmpeg's own words say nothing
    errno.EINVAL: "FFmpeg finds something in it invalid",
    errno.EIO: "it cannot be read there",
}


def is_of_the_system(error: av.FFmpegError) -> bool:
    """Whether it is about the place (a full disk, say), not about the data."""
    return error.errno != errno.EINVAL and error.errno in errno.errorcode


def reason(error: Exception) -> str:
    """The cause alone: no error number, no name of a function."""
    logged = getattr(error, "log", None)
    if logged:
        return str(logged[2]).strip()
    number = getattr(error, "errno", None)
    if isinstance(error, av.FFmpegError) and number in PLAIN:
        return PLAIN[number]
    return getattr(error, "strerror", None) or str(error)
