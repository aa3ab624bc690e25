"""The thread that decodes incoming video and counts frames that cannot be decoded."""

import asyncio
import logging
import queue
import re
import threading
from collections.abc import Callable
from typing import Any

import av
from aiortc import RTCRtpCodecParameters, RTCRtpReceiver, rtcrtpreceiver
from aiortc.codecs import get_decoder
from aiortc.codecs.base import Decoder
from aiortc.jitterbuffer import JitterFrame
from aiortc.mediastreams import VIDEO_TIME_BASE

from server.media.aiortc_patches import private_attr

log = logging.getLogger(__name__)

FFMPEG_DECODERS = {"VP9": "vp9", "H265": "hevc", "AV1": "libdav1d"}  # of codecs that aiortc does not know
H264_SPS, H264_IDR = 7, 5  # types of NAL units
NAL_UNIT = re.compile(rb"\x00\x00\x01(.)", re.DOTALL)

Task = tuple[RTCRtpCodecParameters, JitterFrame]


class DecoderQueue(queue.Queue["Task | None"]):
    """Queue of encoded frames for a receiver's decoder thread. Only that thread writes the monotonic counters."""

    def __init__(self, parameter_sets: dict[int, bytes], on_undecodable: Callable[[], None] = lambda: None) -> None:
        """`parameter_sets`: H.264 parameter sets from the SDP, by payload type; used until the stream sends its own.

        `on_undecodable` is called on the event loop for every frame that cannot be decoded.
        """
        super().__init__()
        self.decoded = self.undecodable = 0
        self.error: str | None = None  # of the newest frame that could not be decoded
        self.fault: Exception | None = None  # that ended the thread
        self._parameter_sets = dict(parameter_sets)
        self._on_undecodable = on_undecodable

    def replace_in(self, receiver: RTCRtpReceiver) -> None:
        """Replace the receiver's decoder queue; call it before the receiver's first packet."""
        private_attr(receiver, "_RTCRtpReceiver__decoder_queue")
        receiver._RTCRtpReceiver__decoder_queue = self  # type: ignore[attr-defined]

    def run(self, loop: asyncio.AbstractEventLoop, output: "asyncio.Queue[Any]", failed: threading.Event) -> None:
        """Decode until the queue yields None. Setting `failed` makes aiortc send a keyframe request (PLI)."""
        decoders: dict[str, Decoder] = {}
        try:
            while (task := self.get()) is not None:
                codec, encoded = task
                if codec.name not in decoders:
                    decoders = {codec.name: _create_decoder(codec)}
                frames = self._decode(decoders[codec.name], codec, encoded)
                if frames is None:
                    failed.set()
                    loop.call_soon_threadsafe(self._on_undecodable)
                for frame in frames or ():
                    asyncio.run_coroutine_threadsafe(output.put(frame), loop)
        except Exception as error:  # nothing joins this thread: VideoReceiver reports `fault`
            log.exception("the decoder thread ended")
            self.fault = error
        asyncio.run_coroutine_threadsafe(output.put(None), loop)

    def _decode(self, decoder: Decoder, codec: RTCRtpCodecParameters, encoded: JitterFrame) -> list[Any] | None:
        """The decoded frames; None if decoding failed."""
        if codec.name == "H264":
            encoded.data = self._with_parameter_sets(codec.payloadType, encoded.data)
        try:
            frames = decoder.decode(encoded)
        except av.FFmpegError as error:
            if not self.undecodable:
                log.warning("a frame of %s cannot be decoded: %s", codec.name, error)
            self.undecodable += 1
            self.error = f"{codec.name}: {error.strerror}"
            return None
        self.decoded += len(frames)
        return frames

    def _with_parameter_sets(self, payload_type: int | None, data: bytes) -> bytes:
        if payload_type is None or not self._parameter_sets.get(payload_type):
            return data
        types = {match[1][0] & 0x1F for match in NAL_UNIT.finditer(data)}
        if H264_SPS in types:
            del self._parameter_sets[payload_type]
            return data
        return self._parameter_sets[payload_type] + data if H264_IDR in types else data


class _FFmpegDecoder(Decoder):
    def __init__(self, name: str) -> None:
        self._codec = av.CodecContext.create(name, "r")
        self._codec.thread_count = 1  # frame threading would add latency

    def decode(self, encoded_frame: JitterFrame) -> list[Any]:
        packet = av.Packet(encoded_frame.data)
        packet.pts, packet.time_base = encoded_frame.timestamp, VIDEO_TIME_BASE
        return list(self._codec.decode(packet))  # type: ignore[attr-defined]


def _create_decoder(codec: RTCRtpCodecParameters) -> Decoder:
    return _FFmpegDecoder(FFMPEG_DECODERS[codec.name]) if codec.name in FFMPEG_DECODERS else get_decoder(codec)


def patch_decoder_worker() -> None:
    """Let aiortc's decoder threads run `DecoderQueue.run` if their queue is a `DecoderQueue`."""
    original = private_attr(rtcrtpreceiver, "decoder_worker")
    if getattr(original, "counts", False):
        return

    def decoder_worker(
        loop: asyncio.AbstractEventLoop, frames: Any, output: "asyncio.Queue[Any]", failed: threading.Event
    ) -> None:
        if isinstance(frames, DecoderQueue):
            frames.run(loop, output, failed)
        else:
            original(loop, frames, output, failed)

    decoder_worker.counts = True  # type: ignore[attr-defined]
    rtcrtpreceiver.decoder_worker = decoder_worker  # type: ignore[assignment]
