// One WebRTC connection: the source's tracks out, the edited ones in, telemetry beside them.

import { Playout } from "./playout";
import { parseStatus } from "./protocol";
import type { Preset, Status } from "./protocol";
import { follow, gathered, receiveAtOnce } from "./rtc";

const PING_MS = 1000; // tells the server that this page is there, even where the source gives nothing
const FRAME_RATE = 30;
const BITS_PER_PIXEL = 0.2; // ample for H264 at these sizes
const LEAST_BITRATE = 500_000; // bit/s; small pictures need more bits for each pixel

export interface PeerEvents {
  /** What comes back: the edited picture, and the sound that belongs to it. */
  media: (stream: MediaStream) => void;
  connected: () => void;
  lost: (reason: string) => void;
  telemetry: (status: Status) => void;
}

export class Peer {
  private readonly pc: RTCPeerConnection;
  private readonly transceiver: RTCRtpTransceiver;
  private readonly audio: RTCRtpTransceiver;
  private ping: ReturnType<typeof setInterval> | undefined;
  private readonly playout = new Playout();
  private closed = false;

  constructor(
    video: MediaStream,
    audio: MediaStreamTrack | null,
    iceServers: RTCIceServer[],
    private readonly preset: Preset,
    private readonly events: PeerEvents,
  ) {
    this.pc = new RTCPeerConnection({ iceServers });
    this.transceiver = this.addVideo(video);
    this.audio = this.addAudio(video, audio);
    this.addTelemetry();
    this.pc.addEventListener("track", ({ track, streams }) => {
      events.media(streams[0] ?? new MediaStream([track]));
    });
    follow(this.pc, events.connected, (reason) => {
      this.lose(reason);
    });
  }

  offer(): Promise<string> {
    return gathered(this.pc);
  }

  async accept(sdp: string): Promise<void> {
    await this.pc.setRemoteDescription({ type: "answer", sdp });
    await this.fit();
  }

  async replaceVideo(video: MediaStream): Promise<void> {
    if (this.closed) return;
    await this.transceiver.sender.replaceTrack(trackOf(video));
    await this.fit();
  }

  /** Null: sends no sound. Nothing has to be negotiated again. */
  async replaceAudio(track: MediaStreamTrack | null): Promise<void> {
    if (!this.closed) await this.audio.sender.replaceTrack(track);
  }

  /** Sends no more pixels and bits than the model uses. To be called again when the source's size has changed. */
  async fit(): Promise<void> {
    const { sender } = this.transceiver;
    const parameters = sender.getParameters();
    const { width, height } = this.preset;
    for (const encoding of parameters.encodings) {
      encoding.maxBitrate = Math.max(LEAST_BITRATE, Math.round(width * height * FRAME_RATE * BITS_PER_PIXEL));
      encoding.scaleResolutionDownBy = excess(sender.track?.getSettings() ?? {}, this.preset);
    }
    await sender.setParameters(parameters);
  }

  close(): void {
    this.closed = true;
    clearInterval(this.ping);
    this.pc.close();
  }

  private addVideo(video: MediaStream): RTCRtpTransceiver {
    const transceiver = this.pc.addTransceiver(trackOf(video), { direction: "sendrecv", streams: [video] });
    receiveAtOnce(transceiver);
    return transceiver;
  }

  /** In the offer from the start, so that sound can be switched on later; without a track nothing is sent. */
  private addAudio(video: MediaStream, track: MediaStreamTrack | null): RTCRtpTransceiver {
    return this.pc.addTransceiver(track ?? "audio", { direction: "sendrecv", streams: [video] });
  }

  private addTelemetry(): void {
    const channel = this.pc.createDataChannel("telemetry", { ordered: false, maxRetransmits: 0 });
    channel.addEventListener("message", ({ data }: MessageEvent<string>) => {
      const status = parseStatus(data);
      if (status !== null) this.events.telemetry(status);
    });
    channel.addEventListener("open", () => {
      this.ping = setInterval(() => void this.say(channel), PING_MS);
    });
    channel.addEventListener("close", () => {
      this.lose("the server closed it");
    });
  }

  /** That this page is there, and how long it holds a frame. */
  private async say(channel: RTCDataChannel): Promise<void> {
    const playout_ms = this.playout.take(await this.transceiver.receiver.getStats());
    if (channel.readyState !== "open") return;
    channel.send(playout_ms === null ? "ping" : JSON.stringify({ playout_ms: Math.round(playout_ms * 10) / 10 }));
  }

  private lose(reason: string): void {
    if (this.closed) return;
    this.close();
    this.events.lost(reason);
  }
}

function trackOf(video: MediaStream): MediaStreamTrack {
  const [track] = video.getVideoTracks();
  if (track === undefined) throw new Error("the source gave no video");
  return track;
}

/** By what a picture can be divided and still cover the model's: the server cuts off the rest. */
export function excess({ width, height }: MediaTrackSettings, preset: Pick<Preset, "width" | "height">): number {
  if (width === undefined || height === undefined) return 1; // this browser does not say
  return Math.max(1, Math.min(width / preset.width, height / preset.height));
}
