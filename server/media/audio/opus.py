"""Opus packets and their durations (RFC 6716, RFC 7587), to forward them without decoding."""

import fractions

import av

from server.media.sink import Packet

SAMPLE_RATE = 48_000  # of RTP timestamps, independent of the encoder's
TIME_BASE = fractions.Fraction(1, SAMPLE_RATE)
MAX_SAMPLES = SAMPLE_RATE * 120 // 1000  # per packet

_SILK_MS, _HYBRID_MS, _CELT_MS = (10, 20, 40, 60), (10, 20), (2.5, 5, 10, 20)


def opus_packet(payload: bytes, timestamp: int) -> Packet:
    """An Opus packet with its RTP timestamp as pts."""
    packet: Packet = av.Packet(payload)
    packet.pts, packet.time_base = timestamp, TIME_BASE
    return packet


def packet_samples(payload: bytes) -> int:
    """Duration of a packet in samples at 48 kHz, by its first bytes (RFC 6716, section 3.1); 0 if malformed."""
    if not payload:
        return 0
    configuration, code = payload[0] >> 3, payload[0] & 3
    if code == 3 and len(payload) < 2:
        return 0
    frames = payload[1] & 63 if code == 3 else min(code, 1) + 1
    samples = frames * _frame_samples(configuration)
    return samples if samples <= MAX_SAMPLES else 0


def _frame_samples(configuration: int) -> int:
    if configuration < 12:
        milliseconds: float = _SILK_MS[configuration % 4]
    elif configuration < 16:
        milliseconds = _HYBRID_MS[configuration % 2]
    else:
        milliseconds = _CELT_MS[configuration % 4]
    return round(milliseconds * SAMPLE_RATE / 1000)
