"""Chooses and configures the decoder of a video stream."""

from typing import cast

import av
from av.codec.context import ThreadType
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

NO_CONCEALMENT = ("mjpeg", "mjpegb")  # FFmpeg leaves missing parts uninitialised without an error


def decoder_of(video: VideoStream) -> VideoCodecContext:
    """The stream's decoder; libvpx for VP8 and VP9 with alpha, which FFmpeg's native decoders do not support."""
    decoder = video.codec_context
    name = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(decoder.codec.canonical_name)
    if video.metadata.get("alpha_mode") == "1" and name in av.codecs_available:
        decoder = cast(VideoCodecContext, av.CodecContext.create(name, "r"))
    is_vp8 = decoder.codec.name == "vp8"  # detects damage only with slice threads
    decoder.thread_type = ThreadType.SLICE if is_vp8 else ThreadType.AUTO
    if decoder.codec.canonical_name in NO_CONCEALMENT:
        decoder.options = {"err_detect": "explode"}  # a damaged picture is dropped and counted
    return decoder
