"""What aiortc 1.16 and aioice 0.13 have no setting for. Each change checks that it still fits what it changes."""

import aioice
import aioice.ice
import aiortc
from aiortc.codecs import h264, vpx

TESTED = {"aiortc": "1.16.", "aioice": "0.13."}


def check_versions() -> None:
    """Raise `RuntimeError` where another release is installed: the changes below were written for these."""
    for module in (aiortc, aioice):
        wanted = TESTED[module.__name__]
        if not module.__version__.startswith(wanted):
            raise RuntimeError(f"{module.__name__} {module.__version__} is installed, {wanted}x is needed")


def set_bitrates(start: int, minimum: int, maximum: int) -> None:
    """Bounds of the video encoders' target, bit/s; the start holds until the first estimate of the receiver."""
    for codec in (h264, vpx):
        for name, value in {"DEFAULT_BITRATE": start, "MIN_BITRATE": minimum, "MAX_BITRATE": maximum}.items():
            if not hasattr(codec, name):
                raise RuntimeError(f"{codec.__name__} has no {name} any more")
            setattr(codec, name, value)


def offer_loopback() -> None:
    """Let ICE offer 127.0.0.1 too: aioice leaves it out, and a laptop without a network has nothing else."""
    original = aioice.ice.get_host_addresses
    if getattr(original, "offers_loopback", False):
        return

    def get_host_addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        return [*original(use_ipv4, use_ipv6), *(["127.0.0.1"] if use_ipv4 else [])]

    get_host_addresses.offers_loopback = True  # type: ignore[attr-defined]
    aioice.ice.get_host_addresses = get_host_addresses
