// One WebRTC connection: the camera's track out, the edited track in, telemetry beside them.

import { parseStatus } from "./protocol";
import type { Preset, Status } from "./protocol";

const GATHERING_TIMEOUT_MS = 2000;
const DISCONNECTED_GRACE_MS = 4000;
const PING_MS = 1000; // tells the server that this page is there, even where the camera gives nothing
const FRAME_RATE = 30;
const BITS_PER_PIXEL = 0.2; // ample for H264 at these sizes
const LEAST_BITRATE = 500_000; // bit/s; small pictures need more bits for each pixel

export interface PeerEvents {
  video: (stream: MediaStream) => void;
  connected: () => void;
  lost: (reason: string) => void;
  telemetry: (status: Status) => void;
}

export class Peer {
  private readonly pc: RTCPeerConnection;
  private readonly transceiver: RTCRtpTransceiver;
  private grace: ReturnType<typeof setTimeout> | undefined;
  private ping: ReturnType<typeof setInterval> | undefined;
  private closed = false;

  constructor(
    camera: MediaStream,
    iceServers: RTCIceServer[],
    private readonly preset: Preset,
    private readonly events: PeerEvents,
  ) {
    this.pc = new RTCPeerConnection({ iceServers });
    this.transceiver = this.addVideo(camera);
    this.addTelemetry();
    this.pc.addEventListener("track", ({ track }) => {
      events.video(new MediaStream([track]));
    });
    this.pc.addEventListener("connectionstatechange", () => {
      this.follow(this.pc.connectionState);
    });
  }

  /** The offer, with every candidate in it: the server takes no later ones. */
  async offer(): Promise<string> {
    await this.pc.setLocalDescription();
    await this.gathered();
    return this.pc.localDescription?.sdp ?? "";
  }

  async accept(sdp: string): Promise<void> {
    await this.pc.setRemoteDescription({ type: "answer", sdp });
    await this.limitBitrate();
  }

  async replaceCamera(camera: MediaStream): Promise<void> {
    await this.transceiver.sender.replaceTrack(hinted(camera));
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.grace);
    clearInterval(this.ping);
    this.pc.close();
  }

  private addVideo(camera: MediaStream): RTCRtpTransceiver {
    const transceiver = this.pc.addTransceiver(hinted(camera), { direction: "sendrecv", streams: [camera] });
    transceiver.setCodecPreferences(h264First(RTCRtpReceiver.getCapabilities("video")?.codecs ?? []));
    transceiver.receiver.jitterBufferTarget = 0; // newest picture first: the server paces its frames already
    return transceiver;
  }

  private addTelemetry(): void {
    const channel = this.pc.createDataChannel("telemetry", { ordered: false, maxRetransmits: 0 });
    channel.addEventListener("message", ({ data }: MessageEvent<string>) => {
      const status = parseStatus(data);
      if (status !== null) this.events.telemetry(status);
    });
    channel.addEventListener("open", () => {
      this.ping = setInterval(() => {
        if (channel.readyState === "open") channel.send("ping");
      }, PING_MS);
    });
    channel.addEventListener("close", () => {
      this.lose("the server closed it");
    });
  }

  private gathered(): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (this.pc.iceGatheringState === "complete") resolve();
      };
      this.pc.addEventListener("icegatheringstatechange", check);
      setTimeout(resolve, GATHERING_TIMEOUT_MS); // a silent STUN server must not hold up the rest
      check();
    });
  }

  private async limitBitrate(): Promise<void> {
    const parameters = this.transceiver.sender.getParameters();
    const { width, height } = this.preset;
    const maxBitrate = Math.max(LEAST_BITRATE, Math.round(width * height * FRAME_RATE * BITS_PER_PIXEL));
    for (const encoding of parameters.encodings) encoding.maxBitrate = maxBitrate;
    await this.transceiver.sender.setParameters(parameters);
  }

  private follow(state: RTCPeerConnectionState): void {
    clearTimeout(this.grace);
    if (state === "connected") this.events.connected();
    else if (state === "failed") this.lose("the connection failed");
    else if (state === "disconnected") {
      this.grace = setTimeout(() => {
        this.lose("the connection broke off");
      }, DISCONNECTED_GRACE_MS);
    }
  }

  private lose(reason: string): void {
    if (this.closed) return;
    this.close();
    this.events.lost(reason);
  }
}

function hinted(camera: MediaStream): MediaStreamTrack {
  const [track] = camera.getVideoTracks();
  if (track === undefined) throw new Error("the camera gave no video");
  track.contentHint = "motion"; // when bits are short, keep the frame rate
  return track;
}

/** H264 first: the server's encoder can change its rate there without a new key frame. */
export function h264First<C extends { mimeType: string }>(codecs: C[]): C[] {
  const isH264 = (codec: C): boolean => codec.mimeType.toLowerCase() === "video/h264";
  return [...codecs.filter(isH264), ...codecs.filter((codec) => !isH264(codec))];
}
