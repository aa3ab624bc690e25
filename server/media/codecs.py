"""Which video codecs a connection may use, in the order of our choice."""

from aiortc import RTCRtpCodecCapability, RTCRtpSender

ORDER = ("video/H264", "video/rtx", "video/VP8", "video/VP9", "video/H265", "video/AV1")


def preferred_codecs() -> list[RTCRtpCodecCapability]:
    """All that `VideoOffer` may leave of an offer."""
    codecs = RTCRtpSender.getCapabilities("video").codecs
    return [codec for name in ORDER for codec in codecs if codec.mimeType == name]


def opus_alone() -> list[RTCRtpCodecCapability]:
    """What sound is passed on as."""
    return [codec for codec in RTCRtpSender.getCapabilities("audio").codecs if codec.mimeType == "audio/opus"]
