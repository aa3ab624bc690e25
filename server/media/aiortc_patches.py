"""Patches for what aiortc 1.16 and aioice 0.13 have no setting for. Each one checks that its target still exists."""

import asyncio
import errno
import random
from dataclasses import replace
from typing import Any

import aioice
import aioice.ice
import aiortc
from aiortc import codecs, rtp
from aiortc.codecs import h264, vpx

TESTED = {"aiortc": "1.16.", "aioice": "0.13."}
RECEIVE_ONLY_CODECS = ("VP9", "H265", "AV1")


def check_versions() -> None:
    """Raise `RuntimeError` if another release is installed: the patches below were written for these."""
    for module in (aiortc, aioice):
        required = TESTED[module.__name__]
        if not module.__version__.startswith(required):
            raise RuntimeError(f"{module.__name__} {module.__version__} is installed, {required}x is needed")


def set_bitrates(start: int, minimum: int, maximum: int) -> None:
    """Bounds of aiortc's video encoders, bit/s; `start` applies until the receiver's first bandwidth estimate."""
    for codec in (h264, vpx):
        for name, value in {"DEFAULT_BITRATE": start, "MIN_BITRATE": minimum, "MAX_BITRATE": maximum}.items():
            if not hasattr(codec, name):
                raise RuntimeError(f"{codec.__name__} no longer has {name}")
            setattr(codec, name, value)


def enable_loopback_candidates() -> None:
    """Add 127.0.0.1 to the ICE candidates: aioice omits it, and a laptop without a network has no other address."""
    original = aioice.ice.get_host_addresses
    if getattr(original, "offers_loopback", False):
        return

    def get_host_addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        return [*original(use_ipv4, use_ipv6), *(["127.0.0.1"] if use_ipv4 else [])]

    get_host_addresses.offers_loopback = True  # type: ignore[attr-defined]
    aioice.ice.get_host_addresses = get_host_addresses


def register_receive_codecs() -> None:
    """Accept codecs that FFmpeg decodes and aiortc does not know, and any dynamic payload type (RFC 7826)."""
    known = private_attr(codecs, "CODECS")["video"]
    if any(known_codec.mimeType == "video/VP9" for known_codec in known):
        return
    like = next(known_codec for known_codec in known if known_codec.mimeType == "video/VP8")
    for name in RECEIVE_ONLY_CODECS:
        main = max(known_codec.payloadType for known_codec in known) + 1
        known.append(replace(like, mimeType=f"video/{name}", payloadType=main, parameters={}))
        repeats = {"mimeType": "video/rtx", "payloadType": main + 1, "rtcpFeedback": [], "parameters": {"apt": main}}
        known.append(replace(like, **repeats))
    private_attr(rtp, "DYNAMIC_PAYLOAD_TYPES")
    rtp.DYNAMIC_PAYLOAD_TYPES = (*range(35, 64), *range(96, 128))  # type: ignore[assignment]


def limit_udp_ports(loop: asyncio.AbstractEventLoop, first: int, last: int) -> None:
    """Bind media to UDP ports of a range, for a firewall to open: aioice has no setting (aioice#47).

    aioice binds port 0, so that the kernel chooses; this binds a random free port of the range instead.
    If none is free, binding raises `OSError`, and the offer is answered with 503.
    """
    original = loop.create_datagram_endpoint

    async def create_datagram_endpoint(factory: Any, local_addr: Any = None, **rest: Any) -> Any:
        if local_addr is None or local_addr[1] != 0:
            return await original(factory, local_addr=local_addr, **rest)
        ports = random.sample(range(first, last + 1), last - first + 1)
        for port in ports:
            try:
                return await original(factory, local_addr=(local_addr[0], port), **rest)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
        raise OSError(errno.EADDRINUSE, f"all UDP ports from {first} to {last} are taken")

    loop.create_datagram_endpoint = create_datagram_endpoint  # type: ignore[method-assign, assignment]


def private_attr(owner: object, name: str) -> Any:
    """A private attribute of an aiortc object; `RuntimeError` if it no longer exists."""
    if not hasattr(owner, name):
        raise RuntimeError(f"aiortc's {type(owner).__name__} no longer has {name}")
    return getattr(owner, name)
