// One media connection of a session, from the offer until it is lost.

import type { Answer, NewSession, Parameters, SessionStatus } from "../api/protocol";
import { MediaConnectionLost } from "../media/errors";
import type { FrameName } from "../media/frame_names";
import type { LinkStats } from "../media/link_meter";
import type { PeerEvents } from "../media/peer";
import { REASONS } from "../texts";
import { deferred, withTimeout } from "./promises";
import type { RemoteSession } from "./remote_session";

const CONNECT_TIMEOUT_MS = 15_000;
const TELEMETRY_TIMEOUT_MS = 6000; // telemetry comes once a second

export interface MediaPeer {
  offer(): Promise<string>;
  accept(answer: Pick<Answer, "sdp" | "size">): Promise<void>;
  replaceVideo(stream: MediaStream): Promise<void>;
  replaceAudio(track: MediaStreamTrack | null): Promise<void>;
  limitEncoding(): Promise<void>;
  close(): void;
}

export interface ConnectionDependencies {
  iceServers: () => Promise<RTCIceServer[]>;
  openPeer: (iceServers: RTCIceServer[], events: PeerEvents) => MediaPeer;
  session: RemoteSession;
}

export interface ConnectionEvents {
  media: (stream: MediaStream) => void;
  /** The SDP answer has arrived; media follows. `resumed`: the session existed already. */
  sessionOpened: (parameters: Parameters, resumed: boolean) => void;
  telemetry: (status: SessionStatus, link: LinkStats | null) => void;
  frameNamed: (name: FrameName) => void;
  /** An established connection was lost. */
  lost: (reason: string) => void;
}

export class SessionConnection {
  private peer: MediaPeer | null = null;
  private isConnected = false;
  private isClosed = false;
  private telemetryTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly connected = deferred();

  constructor(
    private readonly dependencies: ConnectionDependencies,
    private readonly events: ConnectionEvents,
  ) {}

  /** Resolves when media flows; closes the connection and throws otherwise. */
  async open(start: NewSession): Promise<void> {
    try {
      const iceServers = await this.dependencies.iceServers();
      this.throwIfClosed();
      this.peer = this.dependencies.openPeer(iceServers, this.peerEvents());
      await this.negotiate(this.peer, start);
      await withTimeout(CONNECT_TIMEOUT_MS, this.connected.promise, () => new MediaConnectionLost(REASONS.noConnectionWithin(CONNECT_TIMEOUT_MS / 1000)));
      this.isConnected = true;
      this.restartTelemetryTimer();
    } catch (error) {
      if (!this.isClosed && error instanceof MediaConnectionLost) throw await this.withReason(error);
      throw error;
    } finally {
      if (!this.isConnected) this.close();
    }
  }

  async replaceVideo(stream: MediaStream): Promise<void> {
    await this.peer?.replaceVideo(stream);
  }

  async replaceAudio(track: MediaStreamTrack | null): Promise<void> {
    await this.peer?.replaceAudio(track);
  }

  async limitEncoding(): Promise<void> {
    await this.peer?.limitEncoding();
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.telemetryTimer);
    this.connected.reject(new MediaConnectionLost("stopped"));
    this.peer?.close();
  }

  private async negotiate(peer: MediaPeer, start: NewSession): Promise<void> {
    const offer = await peer.offer();
    this.throwIfClosed();
    const { answer, resumed } = await this.dependencies.session.open(offer, start);
    this.throwIfClosed();
    this.events.sessionOpened(answer.parameters, resumed);
    await peer.accept(answer);
  }

  private throwIfClosed(): void {
    if (this.isClosed) throw new MediaConnectionLost("stopped");
  }

  private peerEvents(): PeerEvents {
    return {
      media: (stream) => {
        if (!this.isClosed) this.events.media(stream);
      },
      connected: this.connected.resolve,
      lost: (reason) => {
        this.handleLoss(reason);
      },
      telemetry: (status, link) => {
        if (this.isClosed) return;
        if (this.isConnected) this.restartTelemetryTimer();
        this.events.telemetry(status, link);
      },
      frameNamed: this.events.frameNamed,
    };
  }

  private restartTelemetryTimer(): void {
    clearTimeout(this.telemetryTimer);
    this.telemetryTimer = setTimeout(() => {
      this.handleLoss(REASONS.noTelemetry);
    }, TELEMETRY_TIMEOUT_MS);
  }

  private handleLoss(reason: string): void {
    this.connected.reject(new MediaConnectionLost(reason));
    if (!this.isConnected || this.isClosed) return;
    this.close();
    this.events.lost(reason);
  }

  /** Replaces the error by the server's reason, if it has one. */
  private async withReason(error: MediaConnectionLost): Promise<MediaConnectionLost> {
    return new MediaConnectionLost((await this.dependencies.session.reason()) ?? error.message);
  }
}
