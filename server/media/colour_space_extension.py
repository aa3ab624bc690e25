"""The color-space RTP header extension in aiortc: browsers send it, because VP8 cannot signal colour tags."""

from typing import Any

from aiortc import codecs
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensions, HeaderExtensionsMap, unpack_header_extensions

from server.media.aiortc_patches import private_attr
from server.media.colour_space import read_colour_space

URI = "http://www.webrtc.org/experiments/rtp-hdrext/color-space"
ID = 13  # of the extension in our own offers; an answer uses the offer's


def register_colour_space() -> None:
    """Negotiate the extension and parse it into `packet.extensions.colour_space`."""
    known = private_attr(codecs, "HEADER_EXTENSIONS")["video"]
    if any(extension.uri == URI for extension in known):
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
