"""Which video codecs a connection may use, in the order of our choice."""

from aiortc import RTCRtpCodecCapability, RTCRtpSender

from server.media.h264 import h264_encoder


def preferred_codecs() -> list[RTCRtpCodecCapability]:
    """H.264 before VP8: ours is encoded once for all who watch, and its rate changes without a keyframe."""
    codecs = RTCRtpSender.getCapabilities("video").codecs
    names = ("video/H264", "video/rtx", "video/VP8") if h264_encoder() else ("video/VP8", "video/rtx")
    return [codec for name in names for codec in codecs if codec.mimeType == name]
