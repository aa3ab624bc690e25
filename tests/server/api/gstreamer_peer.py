"""GStreamer's webrtcbin as a WHIP publisher or a WHEP viewer, as whipsink and whepsrc use it (Debian 12 has neither).

Runs under the system's Python, which has `gi`: `gstreamer_peer.py publish|watch ADDRESS TOKEN CODEC SECONDS`.
Prints one JSON object at the end.
"""

import json
import sys
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

ENCODERS = {"H264": "x264enc tune=zerolatency key-int-max=30 ! rtph264pay", "VP8": "vp8enc deadline=1 ! rtpvp8pay"}
RGB, S16 = "videoconvert ! video/x-raw,format=RGB", "audioconvert ! audio/x-raw,format=S16LE"
DECODERS = {
    "H264": f"rtph264depay ! avdec_h264 ! {RGB}",
    "VP8": f"rtpvp8depay ! vp8dec ! {RGB}",
    "OPUS": f"rtpopusdepay ! opusdec ! {S16}",
}
VIDEO = "application/x-rtp,media=video,payload=96,clock-rate=90000,encoding-name="
ACCEPTS = {"H264": VIDEO + "H264,packetization-mode=(string)1", "VP8": VIDEO + "VP8"}
AUDIO = "application/x-rtp,media=audio,payload=97,clock-rate=48000,encoding-name=OPUS"
RED = 0xFFC83C3C
SINE_VOLUME = 0.5
RETRY_MS = 100


class Peer:
    """A pipeline with one webrtcbin, and statistics of what it received."""

    def __init__(self, description: str, address: str, token: str) -> None:
        self.address, self.token = address, token
        self.seen = {
            "status": 0,
            "frames": 0,
            "size": None,
            "mean": None,
            "audio_buffers": 0,
            "peak": 0.0,
            "error": None,
        }
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.Pipeline()
        elements = f"webrtcbin name=webrtc bundle-policy=max-bundle {description}"
        self.pipeline.add(Gst.parse_bin_from_description(elements, False))
        self.webrtc = self.pipeline.get_by_name("webrtc")
        self.posted = False
        self.webrtc.connect("on-negotiation-needed", self.negotiate)
        self.webrtc.connect("notify::ice-gathering-state", self.gathered)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self.failed)

    def negotiate(self, *_: object) -> bool:
        if self.posted:
            return False
        made = Gst.Promise.new_with_change_func(self.offered)
        self.webrtc.emit("create-offer", Gst.Structure.new_empty("options"), made)
        return False

    def offered(self, promise: Gst.Promise, *_: object) -> None:
        reply = promise.get_reply()
        if reply.has_field("error"):  # an encoder has not started: its caps are not known yet
            GLib.timeout_add(RETRY_MS, self.negotiate)
        else:
            self.webrtc.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())

    def gathered(self, *_: object) -> None:
        if self.webrtc.get_property("ice-gathering-state").value_nick == "complete" and not self.posted:
            self.posted = True
            GLib.idle_add(self.post)

    def post(self) -> bool:
        offer = self.webrtc.get_property("local-description").sdp.as_text().encode()
        headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(self.address, offer, headers, method="POST")
        try:
            with urllib.request.urlopen(request) as reply:
                self.seen["status"], answer = reply.status, reply.read()
        except urllib.error.HTTPError as error:
            self.seen["status"], self.seen["error"] = error.code, error.read().decode()
            self.loop.quit()
            return False
        _, sdp = GstSdp.SDPMessage.new()
        GstSdp.sdp_message_parse_buffer(answer, sdp)
        description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp)
        self.webrtc.emit("set-remote-description", description, Gst.Promise.new())
        return False

    def failed(self, _: object, message: Gst.Message) -> None:
        self.seen["error"] = str(message.parse_error())
        self.loop.quit()

    def run(self, seconds: float) -> None:
        GLib.timeout_add(round(1000 * seconds), self.loop.quit)
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        self.pipeline.set_state(Gst.State.NULL)
        json.dump(self.seen, sys.stdout)


class Publisher(Peer):
    def __init__(self, address: str, token: str, codec: str) -> None:
        video = (
            f"videotestsrc is-live=true pattern=solid-color foreground-color={RED} "
            f"! video/x-raw,width=640,height=360,framerate=30/1 ! {ENCODERS[codec]} ! webrtc."
        )
        audio = f"audiotestsrc is-live=true volume={SINE_VOLUME} ! audioconvert ! opusenc ! rtpopuspay ! webrtc."
        super().__init__(f"{video} {audio}", address, token)

    def negotiate(self, *_: object) -> bool:
        for index in range(2):
            if transceiver := self.webrtc.emit("get-transceiver", index):
                transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
        return super().negotiate()


class Viewer(Peer):
    def __init__(self, address: str, token: str, codec: str) -> None:
        super().__init__("", address, token)
        receives = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
        for caps in (ACCEPTS[codec], AUDIO):
            self.webrtc.emit("add-transceiver", receives, Gst.Caps.from_string(caps))
        self.webrtc.connect("pad-added", self.stream_added)

    def stream_added(self, _: object, pad: Gst.Pad) -> None:
        codec = pad.get_current_caps().get_structure(0).get_value("encoding-name")
        sink = Gst.parse_bin_from_description(
            f"{DECODERS[codec]} ! appsink name=out emit-signals=true sync=false", True
        )
        sink.get_by_name("out").connect("new-sample", self.sound if codec == "OPUS" else self.frame)
        self.webrtc.get_parent().add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def frame(self, sink: Gst.Element) -> Gst.FlowReturn:
        sample = sink.emit("pull-sample")
        caps, data = sample.get_caps().get_structure(0), bytes(sample.get_buffer().extract_dup(0, 2**26))
        width, height = caps.get_value("width"), caps.get_value("height")
        stride = len(data) // height
        middle = data[stride * (height // 2) :][: 3 * width]
        self.seen["frames"] += 1
        self.seen["size"], self.seen["mean"] = [width, height], [sum(middle[c::3]) / width for c in range(3)]
        return Gst.FlowReturn.OK

    def sound(self, sink: Gst.Element) -> Gst.FlowReturn:
        buffer = sink.emit("pull-sample").get_buffer()
        data = memoryview(buffer.extract_dup(0, buffer.get_size())).cast("h")
        self.seen["audio_buffers"] += 1
        self.seen["peak"] = max(self.seen["peak"], max(data) / 2**15)
        return Gst.FlowReturn.OK


def main() -> None:
    role, address, token, codec, seconds = sys.argv[1:]
    Gst.init(None)
    {"publish": Publisher, "watch": Viewer}[role](address, token, codec).run(float(seconds))


if __name__ == "__main__":
    main()
