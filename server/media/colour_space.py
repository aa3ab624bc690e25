"""The color-space RTP header extension: browsers send it, because VP8 cannot signal colour tags."""

from dataclasses import dataclass
from typing import Any

from aiortc import codecs
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensions, HeaderExtensionsMap, unpack_header_extensions

from lipar_core.colour_tags import UNSPECIFIED
from server.media.aiortc_patches import private_attr

URI = "http://www.webrtc.org/experiments/rtp-hdrext/color-space"
ID = 13  # of the extension in our own offers; an answer uses the offer's
DERIVED = 3  # range code: follows from the transfer function


@dataclass(frozen=True, slots=True)
class ColourSpace:
    """Code points of ITU-T H.273; the range in FFmpeg's numbering, 0 if unknown."""

    primaries: int
    transfer: int
    matrix: int
    range: int

    def with_defaults(self, other: "ColourSpace") -> "ColourSpace":
        """Fields that are unspecified here are taken from `other`."""

        def specified(value: int, default: int) -> int:
            return default if value == UNSPECIFIED else value

        return ColourSpace(
            specified(self.primaries, other.primaries),
            specified(self.transfer, other.transfer),
            specified(self.matrix, other.matrix),
            self.range or other.range,
        )


def read_colour_space(value: bytes) -> ColourSpace | None:
    """Parse primaries, transfer, matrix, then range and chroma siting in one byte; HDR metadata may follow."""
    if len(value) < 4:
        return None
    colour_range = value[3] >> 4 & 3
    return ColourSpace(value[0], value[1], value[2], 0 if colour_range == DERIVED else colour_range)


def register_colour_space() -> None:
    """Negotiate the extension and parse it into `packet.extensions.colour_space`."""
    known = private_attr(codecs, "HEADER_EXTENSIONS")["video"]
    if any(item.uri == URI for item in known):
        return
    known.append(RTCRtpHeaderExtensionParameters(id=ID, uri=URI))
    configure = private_attr(HeaderExtensionsMap, "configure")
    get = private_attr(HeaderExtensionsMap, "get")

    def configure_with_colour_space(self: Any, parameters: RTCRtpParameters) -> None:
        configure(self, parameters)
        for extension in parameters.headerExtensions:
            if extension.uri == URI:
                self.colour_space_id = extension.id

    def get_with_colour_space(self: Any, profile: int, value: bytes) -> HeaderExtensions:
        values: Any = get(self, profile, value)
        extension_id = getattr(self, "colour_space_id", None)
        if extension_id is not None:
            payload = dict(unpack_header_extensions(profile, value)).get(extension_id)
            values.colour_space = None if payload is None else read_colour_space(payload)
        return values  # type: ignore[no-any-return]

    HeaderExtensionsMap.configure = configure_with_colour_space  # type: ignore[method-assign]
    HeaderExtensionsMap.get = get_with_colour_space  # type: ignore[method-assign, assignment]
