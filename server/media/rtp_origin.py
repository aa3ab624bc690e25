"""The origin of a sender's RTP timestamps."""

from aiortc import RTCRtpSender

from server.media.aiortc_patches import private_attr


class RtpOrigin:
    """The random offset of a sender's RTP timestamps (RFC 3550, section 5.1), which aiortc does not expose."""

    def __init__(self, sender: RTCRtpSender) -> None:
        self.value: int | None = None  # until the second frame
        read_next = private_attr(sender, "_next_encoded_frame")
        private_attr(sender, "_RTCRtpSender__rtp_timestamp")  # fails at the start, not at the second frame
        self._pts: int | None = None  # of the frame read last, which is sent before the next is read

        async def next_encoded_frame(codec: object) -> object:
            if self.value is None and self._pts is not None:
                self.value = (private_attr(sender, "_RTCRtpSender__rtp_timestamp") - self._pts) & 0xFFFFFFFF
            encoded = await read_next(codec)
            self._pts = None if encoded is None else encoded.timestamp
            return encoded

        sender._next_encoded_frame = next_encoded_frame  # type: ignore[method-assign, assignment]
