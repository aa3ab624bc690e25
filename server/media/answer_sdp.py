"""Changes to aiortc's SDP answer: the start bitrate and the public address."""

import re

from server.errors import NoRoute
from server.settings import Settings

CODECS = ("H264", "VP8")


def adapt_answer(sdp: str, settings: Settings) -> str:
    """The answer with the settings' start bitrate and public address. Raises `NoRoute` if it has no candidate."""
    sdp = with_start_bitrate(sdp, settings.camera_start_bitrate)
    if settings.public_ip is not None:
        sdp = with_public_address(sdp, settings.public_ip)
    if "a=candidate" not in sdp:
        raise NoRoute("no network address to offer: check the UDP ports and the ICE servers")
    return sdp


def with_start_bitrate(sdp: str, bitrate: int) -> str:
    """Set Chromium's initial send rate, bit/s: from its default of 300 kbit/s it takes 20 s to reach a sharp picture.

    Adds `x-google-start-bitrate`, kbit/s, to the format parameters of each video codec. `x-google-min-bitrate` is not
    set: on a link with less bandwidth it turns the picture black.
    """
    lines = sdp.split("\r\n")
    for number in re.findall(rf"^a=rtpmap:(\d+) (?:{'|'.join(CODECS)})/", sdp, re.MULTILINE):
        parameter = f"x-google-start-bitrate={bitrate // 1000}"
        fmtp = f"a=fmtp:{number} "
        at = next((i for i, line in enumerate(lines) if line.startswith(fmtp)), None)
        if at is not None:
            lines[at] += f";{parameter}"
        else:
            at = next(i for i, line in enumerate(lines) if line.startswith(f"a=rtpmap:{number} "))
            lines.insert(at + 1, fmtp + parameter)
    return "\r\n".join(lines)


HOST_CANDIDATE = re.compile(
    r"^(a=candidate:\S+ \d+ udp \d+ )\d+(?:\.\d+){3}( \d+ typ host)", re.MULTILINE | re.IGNORECASE
)


def with_public_address(sdp: str, address: str) -> str:
    """Replace the host's IPv4 address in the candidates (RFC 8839) by a public one, for 1:1 NAT."""
    return HOST_CANDIDATE.sub(rf"\g<1>{address}\g<2>", sdp)
