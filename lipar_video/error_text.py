"""Errors of FFmpeg and the operating system as text for the user."""

import errno

import av

PLAIN_TEXT = {  # instead of FFmpeg's uninformative texts
    errno.EINVAL: "FFmpeg found invalid data",
    errno.EIO: "input/output error",
}


def is_system_error(error: av.FFmpegError) -> bool:
    """Whether the error is one of the operating system (such as a full disk) rather than of the data."""
    return error.errno != errno.EINVAL and error.errno in errno.errorcode


def error_reason(error: Exception) -> str:
    """The cause without error numbers and function names."""
    logged = getattr(error, "log", None)
    if logged:
        return str(logged[2]).strip()
    number = getattr(error, "errno", None)
    if isinstance(error, av.FFmpegError) and number in PLAIN_TEXT:
        return PLAIN_TEXT[number]
    return getattr(error, "strerror", None) or str(error)
