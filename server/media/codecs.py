"""The codecs that a connection may use, in order of preference."""

from aiortc import RTCRtpCodecCapability, RTCRtpSender

ORDER = ("video/H264", "video/rtx", "video/VP8", "video/VP9", "video/H265", "video/AV1")


def preferred_codecs() -> list[RTCRtpCodecCapability]:
    """All video codecs that `VideoOffer` may select from an offer."""
    codecs = RTCRtpSender.getCapabilities("video").codecs
    return [codec for name in ORDER for codec in codecs if codec.mimeType == name]


def opus_codecs() -> list[RTCRtpCodecCapability]:
    """Opus, the only codec that audio is forwarded in."""
    return [codec for codec in RTCRtpSender.getCapabilities("audio").codecs if codec.mimeType == "audio/opus"]
