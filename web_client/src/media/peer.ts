// One RTCPeerConnection: sends the source's tracks, receives the edited ones and telemetry.

import { parseStatus } from "../api/protocol";
import type { Answer, SessionStatus } from "../api/protocol";
import { REASONS } from "../texts";
import type { FrameName } from "./frame_names";
import { LinkMeter } from "./link_meter";
import type { LinkStats } from "./link_meter";
import { parseSize } from "./picture_size";
import type { PictureSize } from "./picture_size";
import { PlayoutDelayMeter } from "./playout_delay_meter";
import { createConnection, gatherLocalSdp, minimizeReceiveDelay, watchConnection } from "./rtc";

const PING_MS = 1000; // keep-alive, also while the source sends no frames
const FRAME_RATE = 30;
const BITS_PER_PIXEL = 0.2; // ample for H.264 at these sizes
const MIN_BITRATE = 500_000; // bit/s; small frames need more bits per pixel

export interface PeerEvents {
  /** The edited video and its audio. */
  media: (stream: MediaStream) => void;
  connected: () => void;
  lost: (reason: string) => void;
  /** `link`: measured by the browser; null until it is known. */
  telemetry: (status: SessionStatus, link: LinkStats | null) => void;
  /** The server names the source frame of an edited frame. */
  frameNamed: (name: FrameName) => void;
}

/** Opens data channels of its own on one connection after the other, when they are wanted. */
export interface ChannelOpener {
  useConnection(connection: RTCPeerConnection): void;
}

export class Peer {
  private readonly pc: RTCPeerConnection;
  private readonly videoTransceiver: RTCRtpTransceiver;
  private readonly audioTransceiver: RTCRtpTransceiver;
  private ping: ReturnType<typeof setInterval> | undefined;
  private readonly playout = new PlayoutDelayMeter();
  private readonly linkMeter = new LinkMeter();
  private link: LinkStats | null = null;
  private isClosed = false;
  private encodingSet = Promise.resolve(); // one after the other: the browser rejects parameters that were read before another set was done

  constructor(
    video: MediaStream,
    audio: MediaStreamTrack | null,
    iceServers: RTCIceServer[],
    private size: PictureSize,
    private readonly events: PeerEvents,
    channels: ChannelOpener[],
  ) {
    this.pc = createConnection(iceServers);
    this.videoTransceiver = this.addVideo(video);
    this.audioTransceiver = this.addAudio(video, audio);
    this.addTelemetry();
    this.addFrameNames();
    for (const opener of channels) opener.useConnection(this.pc);
    this.pc.addEventListener("track", ({ track, streams }) => {
      events.media(streams[0] ?? new MediaStream([track]));
    });
    watchConnection(this.pc, events.connected, (reason) => {
      this.handleLoss(reason);
    });
  }

  offer(): Promise<string> {
    return gatherLocalSdp(this.pc);
  }

  async accept({ sdp, size }: Pick<Answer, "sdp" | "size">): Promise<void> {
    this.size = parseSize(size);
    await this.pc.setRemoteDescription({ type: "answer", sdp });
    await this.limitEncoding();
  }

  async replaceVideo(video: MediaStream): Promise<void> {
    if (this.isClosed) return;
    await this.videoTransceiver.sender.replaceTrack(videoTrackOf(video));
    await this.limitEncoding();
  }

  /** Null: sends no sound. Needs no renegotiation. */
  async replaceAudio(track: MediaStreamTrack | null): Promise<void> {
    if (!this.isClosed) await this.audioTransceiver.sender.replaceTrack(track);
  }

  /** Limits resolution and bitrate to what the model uses. Call again when the source's size has changed. */
  limitEncoding(): Promise<void> {
    const set = (): Promise<void> => this.setEncoding();
    return (this.encodingSet = this.encodingSet.then(set, set));
  }

  private async setEncoding(): Promise<void> {
    if (this.isClosed || this.pc.currentRemoteDescription === null) return; // `accept` calls it with the answer's size
    const { sender } = this.videoTransceiver;
    const parameters = sender.getParameters();
    const { width, height } = this.size;
    for (const encoding of parameters.encodings) {
      encoding.maxBitrate = Math.max(MIN_BITRATE, Math.round(width * height * FRAME_RATE * BITS_PER_PIXEL));
      encoding.scaleResolutionDownBy = downscaleFactor(sender.track?.getSettings() ?? {}, this.size);
    }
    await sender.setParameters(parameters);
  }

  close(): void {
    this.isClosed = true;
    clearInterval(this.ping);
    this.pc.close();
  }

  private addVideo(video: MediaStream): RTCRtpTransceiver {
    const transceiver = this.pc.addTransceiver(videoTrackOf(video), { direction: "sendrecv", streams: [video] });
    minimizeReceiveDelay(transceiver);
    return transceiver;
  }

  /** Always in the offer, so that sound can be enabled without renegotiation; without a track nothing is sent. */
  private addAudio(video: MediaStream, track: MediaStreamTrack | null): RTCRtpTransceiver {
    return this.pc.addTransceiver(track ?? "audio", { direction: "sendrecv", streams: [video] });
  }

  private addTelemetry(): void {
    const channel = this.pc.createDataChannel("telemetry", { ordered: false, maxRetransmits: 0 });
    channel.addEventListener("message", ({ data }: MessageEvent<string>) => {
      const status = parseStatus(data);
      if (status !== null) this.events.telemetry(status, this.link);
    });
    channel.addEventListener("open", () => {
      this.ping = setInterval(() => void this.sendPing(channel), PING_MS);
    });
    channel.addEventListener("close", () => {
      this.handleLoss(REASONS.closedByServer);
    });
  }

  private addFrameNames(): void {
    const channel = this.pc.createDataChannel("frames", { ordered: false, maxRetransmits: 0 });
    channel.addEventListener("message", ({ data }: MessageEvent<string>) => {
      this.events.frameNamed(JSON.parse(data) as FrameName);
    });
  }

  /** Keep-alive message with this page's playout delay. */
  private async sendPing(channel: RTCDataChannel): Promise<void> {
    const report = await this.pc.getStats();
    this.link = this.linkMeter.measure(report);
    const playout_ms = this.playout.measure(report);
    if (channel.readyState !== "open") return;
    channel.send(playout_ms === null ? "ping" : JSON.stringify({ playout_ms: Math.round(playout_ms * 10) / 10 }));
  }

  private handleLoss(reason: string): void {
    if (this.isClosed) return;
    this.close();
    this.events.lost(reason);
  }
}

function videoTrackOf(video: MediaStream): MediaStreamTrack {
  const [track] = video.getVideoTracks();
  if (track === undefined) throw new Error(REASONS.noVideoTrack);
  return track;
}

/** The largest factor by which a frame can be downscaled and still cover the model's size; the server crops the rest. */
export function downscaleFactor({ width, height }: MediaTrackSettings, size: PictureSize): number {
  if (width === undefined || height === undefined) return 1; // this browser does not report the size
  return Math.max(1, Math.min(width / size.width, height / size.height));
}
