"""Depacketization and decoding of frames, and reports on those that cannot be decoded."""

import asyncio
import re
import threading
from collections.abc import Iterator

import av
import numpy as np
import pytest
from aiortc import RTCRtpCodecParameters
from aiortc.codecs import h264
from aiortc.jitterbuffer import JitterFrame

from server.media.decoder import DecoderQueue
from server.media.depacketize import ASSEMBLERS
from server.media.h264 import H264Encoder

SIZE = (320, 192)
PACKET = 300  # bytes: every frame takes several
FRAMES = 6
VP9_PICTURE_ID, VP9_BEGINS, VP9_ENDS = 0x80, 0x08, 0x04
ENCODERS = {"VP9": "libvpx-vp9", "H265": "libx265", "AV1": "libsvtav1"}
OPTIONS = {
    "VP9": {"deadline": "realtime", "lag-in-frames": "0", "cpu-used": "8", "b": "600k"},
    "H265": {"preset": "ultrafast", "tune": "zerolatency", "x265-params": "log-level=none:pools=none"},
    "AV1": {"preset": "10", "crf": "30", "svtav1-params": "pred-struct=1:lp=1"},
}


def picture(i: int) -> av.VideoFrame:
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    luma = (128 + 60 * np.sin((x + 9 * i) / 11) + 40 * np.cos(y / 13)).astype(np.uint8)
    planes = np.concatenate([luma, np.full((SIZE[1] // 2, SIZE[0]), 128, np.uint8)])
    frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    frame.pts = i
    return frame


def encoded(name: str) -> list[bytes]:
    codec = av.CodecContext.create(ENCODERS[name], "w")
    codec.width, codec.height, codec.pix_fmt, codec.framerate = *SIZE, "yuv420p", 25
    codec.options = OPTIONS[name]
    packets = [packet for i in range(FRAMES) for packet in codec.encode(picture(i))]
    return [bytes(packet) for packet in (*packets, *codec.encode(None))]


def parts(data: bytes) -> list[bytes]:
    return [data[i : i + PACKET] for i in range(0, len(data), PACKET)]


def vp9_payloads(frame: bytes) -> Iterator[bytes]:
    cut = parts(frame)
    for i, part in enumerate(cut):
        flags = VP9_PICTURE_ID | VP9_BEGINS * (i == 0) | VP9_ENDS * (i == len(cut) - 1)
        yield bytes([flags, 0x81, 0x02]) + part  # a picture id of 15 bits


def h265_payloads(frame: bytes) -> Iterator[bytes]:
    units = [unit for unit in re.split(b"\0\0\0?\1", frame) if unit]
    small = [unit for unit in units if len(unit) <= PACKET]
    if len(small) > 1:  # parameter sets, in one aggregation packet
        yield bytes([48 << 1, 1]) + b"".join(len(unit).to_bytes(2, "big") + unit for unit in small)
    elif small:
        yield small[0]
    for unit in units:
        if len(unit) > PACKET:
            kind, cut = unit[0] >> 1 & 0x3F, parts(unit[2:])
            for i, part in enumerate(cut):
                flags = 0x80 * (i == 0) | 0x40 * (i == len(cut) - 1)
                yield bytes([unit[0] & 0x81 | 49 << 1, unit[1], flags | kind]) + part


def av1_payloads(frame: bytes) -> Iterator[bytes]:
    """One element per packet; without OBU sizes and temporal delimiters, as the specification requires."""
    at, units = 0, []
    while at < len(frame):
        header, at = frame[at], at + 1
        size = shift = 0
        while True:
            size |= (frame[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if not frame[at - 1] & 0x80:
                break
        if header >> 3 != 2:
            units.append(bytes([header & ~0x02]) + frame[at : at + size])
        at += size
    for unit in units:
        cut = parts(unit)
        for i, part in enumerate(cut):
            continues, goes_on = 0x80 * (i > 0), 0x40 * (i < len(cut) - 1)
            if i % 2:  # with its size, as an element may be
                yield bytes([continues | goes_on, len(part) & 0x7F | 0x80, len(part) >> 7]) + part
            else:
                yield bytes([continues | goes_on | 1 << 4]) + part


PACKETIZERS = {"VP9": vp9_payloads, "H265": h265_payloads, "AV1": av1_payloads}


async def decode(frames: DecoderQueue, codec: RTCRtpCodecParameters, datas: list[bytes]) -> list[av.VideoFrame]:
    """The output of the decoder thread for these frames."""
    for i, data in enumerate(datas):
        frames.put((codec, JitterFrame(data=data, timestamp=3000 * i)))
    frames.put(None)
    output: asyncio.Queue[av.VideoFrame | None] = asyncio.Queue()
    await asyncio.to_thread(frames.run, asyncio.get_running_loop(), output, threading.Event())
    decoded = []
    while (frame := await output.get()) is not None:
        decoded.append(frame)
    return decoded


def parameters(name: str) -> RTCRtpCodecParameters:
    return RTCRtpCodecParameters(mimeType=f"video/{name}", clockRate=90_000, payloadType=96)


@pytest.mark.parametrize("name", list(ENCODERS))
async def test_codecs_unknown_to_aiortc_are_decoded(name):
    frames = DecoderQueue({})
    datas = [ASSEMBLERS[name](list(PACKETIZERS[name](frame))) for frame in encoded(name)]
    decoded = await decode(frames, parameters(name), datas)
    assert (frames.undecodable, frames.fault) == (0, None)
    assert frames.decoded == len(decoded) >= FRAMES - 1  # H.265's decoder may keep the last
    for i, frame in enumerate(decoded):
        error = np.abs(frame.to_ndarray().astype(int) - picture(i).to_ndarray())[: SIZE[1]].mean()
        assert error < 6, (i, error)


@pytest.mark.parametrize("name", list(ASSEMBLERS))
def test_malformed_packets_are_rejected_without_an_endless_loop(name):
    rng = np.random.default_rng(0)
    for length in (1, 2, 3, 5, 40):
        for _ in range(200):
            try:
                ASSEMBLERS[name]([rng.bytes(length), rng.bytes(length)])
            except (IndexError, ValueError):
                continue


def h264_frames(*, in_band: bool) -> tuple[bytes, list[bytes]]:
    """Parameter sets, and frames with or without them."""
    encoder = H264Encoder(*SIZE, 600_000)
    datas = [bytes(encoder.encode(picture(i), keyframe=i in (0, 4))) for i in range(FRAMES)]
    units = [b"\0\0\0\1" + unit for unit in re.split(b"\0\0\0?\1", datas[0]) if unit and unit[0] & 31 in (7, 8)]
    if not in_band:
        datas = [b"".join(b"\0\0\0\1" + u for u in re.split(b"\0\0\0?\1", d) if u and u[0] & 31 < 6) for d in datas]
    return b"".join(units), datas


async def test_parameter_sets_from_the_sdp_are_used_until_the_stream_sends_its_own():
    sets, bare = h264_frames(in_band=False)
    with_sdp, without = DecoderQueue({96: sets}), DecoderQueue({96: b""})
    assert len(await decode(with_sdp, parameters("H264"), bare)) == FRAMES
    assert (with_sdp.decoded, with_sdp.undecodable) == (FRAMES, 0)
    assert await decode(without, parameters("H264"), bare) == []
    assert (without.decoded, without.undecodable) == (0, FRAMES)
    assert without.error is not None
    assert "H264" in without.error
    _, own = h264_frames(in_band=True)
    other = H264Encoder(64, 64, 100_000).encode(av.VideoFrame(64, 64, "yuv420p"), keyframe=True)
    wrong = b"".join(b"\0\0\0\1" + u for u in re.split(b"\0\0\0?\1", bytes(other)) if u and u[0] & 31 in (7, 8))
    newer = DecoderQueue({96: wrong})
    assert len(await decode(newer, parameters("H264"), own)) == FRAMES
    assert newer.undecodable == 0


async def test_an_exception_in_the_decoder_thread_is_reported(monkeypatch):
    def broken(_self: object, _frame: JitterFrame) -> list[av.VideoFrame]:
        raise RuntimeError("broken")

    monkeypatch.setattr(h264.H264Decoder, "decode", broken)
    frames = DecoderQueue({})
    assert await decode(frames, parameters("H264"), [b"\0\0\0\1\x41"]) == []  # the track ends
    assert isinstance(frames.fault, RuntimeError)
