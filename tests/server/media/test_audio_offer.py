"""Which audio of an offer is forwarded, and answers with a section for each offered one."""

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import SessionDescription

from server.media.audio.offer import AudioOffer
from server.media.codecs import opus_codecs

HEAD = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
TRANSPORT = (
    "c=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=fingerprint:sha-256 AA\r\n"
    "a=setup:actpass\r\na=rtcp-mux\r\n"
)
VIDEO = f"m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=mid:v\r\na=sendrecv\r\n{TRANSPORT}"
FMTP = "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1"
OPUS = (
    "m=audio 9 UDP/TLS/RTP/SAVPF 63 111 0\r\na=rtpmap:63 red/48000/2\r\na=rtpmap:111 OPUS/48000/2\r\n"
    f"a=fmtp:63 111/111\r\na=fmtp:111 {FMTP}\r\na=rtpmap:0 PCMU/8000\r\na=mid:a\r\na=sendrecv\r\n"
    f"a=msid:stream mic\r\na=ssrc:1 cname:x\r\n{TRANSPORT}"
)
AAC = (
    "m=audio 9 UDP/TLS/RTP/SAVPF 97\r\na=rtpmap:97 MPEG4-GENERIC/48000/2\r\na=fmtp:97 mode=AAC-hbr\r\na=mid:b\r\n"
    f"a=sendonly\r\na=ssrc:2 cname:x\r\n{TRANSPORT}"
)
REJECTED = "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\na=mid:r\r\na=inactive\r\n"


def bundled(*sections: str, mids: str) -> str:
    return HEAD + f"a=group:BUNDLE {mids}\r\n" + "".join(sections)


async def answer_to(offer: AudioOffer) -> str:
    """aiortc's answer, completed by `AudioOffer`."""
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        if offer.audio is not None:
            audio = pc.addTransceiver("audio", "sendrecv")
            audio.setCodecPreferences(opus_codecs())
            offer.bind(audio)
        await pc.setRemoteDescription(RTCSessionDescription(offer.sdp, "offer"))
        return offer.complete_answer((await pc.createAnswer()).sdp)
    finally:
        await pc.close()


def test_an_offer_without_audio_is_unchanged():
    sdp = bundled(VIDEO, mids="v")
    offer = AudioOffer(sdp)
    assert offer.audio is None
    assert offer.sdp == sdp
    assert offer.complete_answer(sdp) == sdp


async def test_opus_is_accepted_and_answered_with_the_offered_parameters():
    offer = AudioOffer(bundled(OPUS, VIDEO, mids="a v").replace("\r\n", "\n"))
    assert offer.audio is not None
    audio, video = SessionDescription.parse(await answer_to(offer)).media
    assert [codec.payloadType for codec in audio.rtp.codecs] == [111]
    assert audio.rtp.codecs[0].parameters == {"minptime": 10, "useinbandfec": 1, "stereo": 1, "sprop-stereo": "1"}
    assert audio.direction == "sendrecv"
    assert (video.kind, video.rtp.muxId) == ("video", "v")


async def test_other_audio_is_answered_as_inactive():
    offer = AudioOffer(bundled(AAC, VIDEO, OPUS, OPUS.replace("mid:a", "mid:c"), mids="b v a c"))
    media = SessionDescription.parse(offer.sdp).media
    assert [(section.kind, section.rtp.muxId, section.direction) for section in media] == [
        ("audio", "b", "inactive"),
        ("video", "v", "sendrecv"),
        ("audio", "a", "sendrecv"),
        ("audio", "c", "inactive"),
    ]
    answer = await answer_to(offer)
    sections = SessionDescription.parse(answer).media
    assert [(section.kind, section.rtp.muxId, section.direction) for section in sections] == [
        ("audio", "b", "inactive"),
        ("video", "v", "recvonly"),
        ("audio", "a", "sendrecv"),
        ("audio", "c", "inactive"),
    ]
    assert [codec.mimeType for codec in sections[0].rtp.codecs] == ["audio/MPEG4-GENERIC"]  # only offered formats
    assert "PCMU" not in answer.split("m=")[1]


async def test_a_section_rejected_by_the_offer_keeps_its_position():
    offer = AudioOffer(bundled(REJECTED, VIDEO, mids="r v"))
    assert offer.audio is None
    assert "a=group:BUNDLE v\r\n" in offer.sdp
    assert [section.kind for section in SessionDescription.parse(offer.sdp).media] == ["video"]
    answer = await answer_to(offer)
    assert [line for line in answer.splitlines() if line.startswith("m=")] == [
        "m=audio 0 UDP/TLS/RTP/SAVPF 111",
        "m=video 9 UDP/TLS/RTP/SAVPF 96",
    ]


async def test_a_bundle_only_section_with_port_0_is_not_rejected():
    offer = AudioOffer(bundled(VIDEO, OPUS.replace("m=audio 9", "m=audio 0") + "a=bundle-only\r\n", mids="v a"))
    assert offer.audio is not None
    assert [section.port for section in SessionDescription.parse(await answer_to(offer)).media] == [9, 9]
