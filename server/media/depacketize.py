"""Depacketization of codecs that aiortc does not support: RTP payloads of one frame -> bitstream for FFmpeg."""

from collections.abc import Callable, Iterator

START_CODE = b"\0\0\0\1"
H265_AGGREGATION, H265_FRAGMENT = 48, 49
AV1_TEMPORAL_DELIMITER = b"\x12\x00"
AV1_HAS_SIZE, AV1_EXTENDED = 0x02, 0x04  # bits of an OBU's header


def vp9_frame(payloads: list[bytes]) -> bytes:
    """RFC 9628, section 4.2: each payload begins with a payload descriptor."""
    return b"".join(payload[_vp9_descriptor_length(payload) :] for payload in payloads)


def h265_frame(payloads: list[bytes]) -> bytes:
    """RFC 7798, section 4.4: single NAL units, aggregation packets, fragments."""
    return b"".join(part for payload in payloads for part in _h265_parts(payload))


def av1_frame(payloads: list[bytes]) -> bytes:
    """RTP Payload Format For AV1, section 4: OBUs, whole or fragmented, usually without size fields."""
    units: list[bytes] = []
    for payload in payloads:
        continues = bool(payload[0] & 0x80)
        for i, element in enumerate(_av1_elements(payload)):
            if i == 0 and continues:
                units[-1] += element
            else:
                units.append(element)
    return AV1_TEMPORAL_DELIMITER + b"".join(_with_size(unit) for unit in units)


ASSEMBLERS: dict[str, Callable[[list[bytes]], bytes]] = {"VP9": vp9_frame, "H265": h265_frame, "AV1": av1_frame}


def _vp9_descriptor_length(payload: bytes) -> int:
    first, at = payload[0], 1
    flexible = first & 0x10
    layers = first & 0x20
    if first & 0x80:  # picture id
        at += 2 if payload[at] & 0x80 else 1
    if layers:
        at += 1 if flexible else 2
    if flexible and first & 0x40:  # references
        while payload[at] & 1:
            at += 1
        at += 1
    return at + _vp9_structure_length(payload[at:]) if first & 0x02 else at


def _vp9_structure_length(payload: bytes) -> int:
    first, at = payload[0], 1
    if first & 0x10:  # a size for every spatial layer
        at += 4 * ((first >> 5) + 1)
    if first & 0x08:  # group of pictures
        count = payload[at]
        at += 1
        for _ in range(count):
            at += 1 + (payload[at] >> 2 & 3)
    return at


def _h265_parts(payload: bytes) -> Iterator[bytes]:
    unit_type = payload[0] >> 1 & 0x3F
    if unit_type == H265_FRAGMENT:
        if payload[2] & 0x80:  # the first of its NAL unit
            yield START_CODE + bytes([payload[0] & 0x81 | (payload[2] & 0x3F) << 1, payload[1]])
        yield payload[3:]
    elif unit_type == H265_AGGREGATION:
        at = 2
        while at < len(payload):
            length = int.from_bytes(payload[at : at + 2], "big")
            yield START_CODE + payload[at + 2 : at + 2 + length]
            at += 2 + length
    else:
        yield START_CODE + payload


def _av1_elements(payload: bytes) -> Iterator[bytes]:
    count = payload[0] >> 4 & 3
    at, number = 1, 0
    while at < len(payload):
        number += 1
        if number == count:  # the last element has no size field
            yield payload[at:]
            return
        length, at = _read_leb128(payload, at)
        yield payload[at : at + length]
        at += length


def _with_size(unit: bytes) -> bytes:
    if unit[0] & AV1_HAS_SIZE:
        return unit
    header = 2 if unit[0] & AV1_EXTENDED else 1
    return bytes([unit[0] | AV1_HAS_SIZE]) + unit[1:header] + _leb128(len(unit) - header) + unit[header:]


def _read_leb128(data: bytes, at: int) -> tuple[int, int]:
    """The number at offset `at`, and the offset after it."""
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not data[at - 1] & 0x80:
            return value, at


def _leb128(value: int) -> bytes:
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
