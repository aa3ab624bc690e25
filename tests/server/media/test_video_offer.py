"""Which video formats of an offer are used, the offer passed to aiortc, and the answer."""

import pytest
from aiortc.sdp import SessionDescription

from server.errors import BadOffer, NoCodec
from server.media.offer_check import check_offer
from server.media.source_streams import STREAM_TIMEOUT_S, StreamSelector
from server.media.video_offer import read_video_offer

SETS = "Z0LAH9oCgL/lhAAAAwAEAAADAHo8YMqA,aM4PyA=="
CANDIDATE = "a=candidate:1 1 udp 2122252543 {} 50000 typ host"


def offer(formats: dict[int, tuple[str, str]], *lines: str, direction: str = "sendonly") -> str:
    """payload type -> name and format parameters."""
    described = []
    for number, (name, parameters) in formats.items():
        described.append(f"a=rtpmap:{number} {name}/90000")
        if parameters:
            described.append(f"a=fmtp:{number} {parameters}")
    head = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0"]
    media = [f"m=video 9 UDP/TLS/RTP/SAVPF {' '.join(map(str, formats))}", "c=IN IP4 0.0.0.0", "a=mid:0", "a=rtcp-mux"]
    security = [
        "a=ice-ufrag:abcd",
        "a=ice-pwd:" + "p" * 22,
        "a=setup:actpass",
        "a=fingerprint:sha-256 " + "AA:" * 31 + "AA",
    ]
    return "\r\n".join([*head, *media, *security, f"a={direction}", *described, *lines, ""])


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f"),  # High
        ("H264", "packetization-mode=1;profile-level-id=4d0028"),  # Main
        ("H264", "packetization-mode=1;profile-level-id=640c34"),  # Constrained High, level 5.2
        ("H264", "packetization-mode=1;profile-level-id=6e001f"),  # High 10, unknown to aiortc
        ("H264", "packetization-mode=0;profile-level-id=42e01f"),
        ("H264", "profile-level-id=42e01f"),
        ("H264", ""),
        ("H264", "packetization-mode=1; profile-level-id=42e01f ; sprop-parameter-sets=" + SETS),
        ("h264", "Packetization-Mode=1;Profile-Level-Id=42E01F;"),
        ("VP8", ""),
        ("VP9", "profile-id=0"),
        ("H265", "profile-id=1;tier-flag=0"),
        ("AV1", "profile=0;level-idx=5"),
    ],
)
def test_a_publisher_may_send_every_decodable_codec(name, parameters):
    read = check_offer(offer({96: (name, parameters), 97: ("rtx", "apt=96")}), sends=True, receives=False)
    assert [item.payload_type for item in read.formats] == ["96"]
    media = SessionDescription.parse(read.sdp).media[0]
    assert [codec.payloadType for codec in media.rtp.codecs] == [96, 97]


def test_the_answer_repeats_the_offered_parameters():
    """RFC 6184, section 8.2.2: profile and packetization mode are the offer's; parameters of the sender are omitted."""
    parameters = "packetization-mode=0; profile-level-id=64001f;sprop-parameter-sets=" + SETS
    read = read_video_offer(offer({102: ("H264", parameters)}), sends=False)
    assert "profile-level-id=42e01f" in read.sdp
    lines = read.complete_answer(read.sdp).split("\r\n")
    assert "a=fmtp:102 profile-level-id=64001f;packetization-mode=0" in lines
    bare = read_video_offer(offer({102: ("H264", "")}), sends=False)
    assert "a=fmtp" not in bare.complete_answer(bare.sdp)


def test_h264_is_first_and_once_followed_by_vp8():
    formats = {
        35: ("AV1", ""),
        96: ("VP8", ""),
        97: ("rtx", "apt=96"),
        98: ("VP9", ""),
        102: ("H264", "packetization-mode=0;profile-level-id=42001f"),
        104: ("H264", "packetization-mode=1;profile-level-id=64001f"),
        105: ("rtx", "apt=104"),
        106: ("H264", "packetization-mode=1;profile-level-id=42e01f"),
        110: ("red", ""),
        111: ("rtx", "apt=110"),
    }
    for sends in (False, True):
        read = read_video_offer(offer(formats, direction="sendrecv"), sends=sends)
        assert [item.payload_type for item in read.formats] == ["104", "96"]
        assert "m=video 9 UDP/TLS/RTP/SAVPF 104 96 97 105\r\n" in read.sdp


@pytest.mark.parametrize(
    ("formats", "takes", "named"),
    [
        ({96: ("H264", "packetization-mode=2;profile-level-id=42e01f")}, False, "H.264 (packetization-mode=2)"),
        ({96: ("H263-1998", ""), 97: ("THEORA", "")}, False, "H263-1998, THEORA"),
        ({96: ("AV1", ""), 97: ("H265", "")}, True, "AV1, H.265"),
        ({96: ("VP9", ""), 97: ("rtx", "apt=96")}, True, "is VP9;"),
        ({96: ("H264", "packetization-mode=0")}, True, "H.264 (packetization-mode=0)"),
    ],
)
def test_unusable_formats_are_named_with_alternatives(formats, takes, named):
    with pytest.raises(NoCodec, match=r"choose H\.264 or VP8") as raised:
        check_offer(offer(formats, direction="sendrecv"), sends=True, receives=takes)
    assert named in str(raised.value)


def test_parameter_sets_in_the_sdp_are_read_and_malformed_ones_omitted():
    text = "packetization-mode=1;sprop-parameter-sets=" + SETS.replace(",", ",%%,")
    [h264] = read_video_offer(offer({96: ("H264", text)}), sends=False).formats
    units = h264.parameter_sets.split(b"\0\0\0\1")[1:]
    assert [unit[0] & 31 for unit in units] == [7, 8]


def test_candidates_are_removed_and_end_of_candidates_is_not_passed_to_aiortc():
    lines = [CANDIDATE.format("192.0.2.1"), CANDIDATE.format("a1b2.local"), "a=candidate:", "a=end-of-candidates"]
    read = read_video_offer(offer({96: ("VP8", "")}, *lines), sends=False)
    assert [(item.ip, item.sdpMid) for item in read.candidates] == [("192.0.2.1", "0"), ("a1b2.local", "0")]
    assert "candidate" not in read.sdp


@pytest.mark.parametrize(
    "line", ["a=candidate:nonsense", "\r\n".join(CANDIDATE.format(f"192.0.2.{i}") for i in range(101)), "m=video"]
)
def test_a_malformed_offer_is_rejected_with_the_reason(line):
    with pytest.raises(BadOffer):
        check_offer(offer({96: ("VP8", "")}, line), sends=True, receives=False)


@pytest.mark.parametrize(
    ("lines", "main", "repairs"),
    [
        ([], None, {}),
        (["a=ssrc:11 cname:x", "a=ssrc:11 msid:a b"], 11, {}),
        (["a=ssrc-group:FID 11 12", "a=ssrc:11 cname:x", "a=ssrc:12 cname:x"], 11, {12: 11}),
        (["a=ssrc-group:FID 11 12", "a=ssrc:12 cname:x", "a=ssrc:11 cname:x"], 11, {12: 11}),
        (
            ["a=ssrc-group:SIM 1 2 3", *(f"a=ssrc-group:FID {i} {10 + i}" for i in (1, 2, 3)), "a=ssrc:1 cname:x"],
            3,
            {11: 1, 12: 2, 13: 3},
        ),
        (["a=ssrc-group:FEC-FR 5 6", "a=ssrc:6 cname:x", "a=ssrc:5 cname:x"], 5, {}),
    ],
)
def test_the_stream_to_decode_is_read_from_the_offer(lines, main, repairs):
    streams = read_video_offer(offer({96: ("VP8", "")}, *lines), sends=False).streams
    assert (streams.main, streams.repairs) == (main, repairs)


def test_one_stream_is_accepted_until_it_times_out():
    for main in (7, None):
        selector = StreamSelector(main)
        assert selector.accepts(7, 0.0)
        assert not selector.accepts(8, 0.1)
        assert selector.accepts(7, 1.0)
        assert not selector.accepts(8, 1.0 + STREAM_TIMEOUT_S)
        assert selector.accepts(8, 1.1 + STREAM_TIMEOUT_S)  # the sender has switched to another stream
        assert not selector.accepts(7, 1.2 + STREAM_TIMEOUT_S)
        assert selector.ignored == 3


def test_the_timeout_applies_to_the_start_of_the_signalled_stream():
    selector = StreamSelector(7)
    assert not selector.accepts(8, 0.0)
    assert not selector.accepts(8, STREAM_TIMEOUT_S)
    assert selector.accepts(8, STREAM_TIMEOUT_S + 0.1)  # the signalled stream never arrived


@pytest.mark.parametrize(
    ("sdp", "message"),
    [
        ("v=0", "the offer has no video"),
        ("v=0\r\nm=video\r\n", "the line 'm=video' is too short"),
        ("v=0\r\nm=video 9\r\n", "the line 'm=video 9' is too short"),
        ("hello", "it must begin with v=0"),
    ],
)
def test_an_invalid_offer_is_rejected_with_a_message(sdp, message):
    with pytest.raises(BadOffer, match=message):
        check_offer(sdp, sends=True, receives=False)
