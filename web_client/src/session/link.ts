// One connection of a session, from the offer until it is lost.

import { MediaLost } from "../problems";
import type { PeerEvents } from "../peer";
import { deferred, within } from "../promises";
import type { Changes, Parameters, Status } from "../protocol";
import type { ServerSession } from "./server_session";

const CONNECT_TIMEOUT_MS = 15_000;
const SILENCE_MS = 6000; // telemetry comes once a second

export interface Connection {
  offer(): Promise<string>;
  accept(sdp: string): Promise<void>;
  replaceVideo(stream: MediaStream): Promise<void>;
  replaceAudio(track: MediaStreamTrack | null): Promise<void>;
  fit(): Promise<void>;
  close(): void;
}

export interface LinkParts {
  iceServers: () => Promise<RTCIceServer[]>;
  openPeer: (iceServers: RTCIceServer[], events: PeerEvents) => Connection;
  server: ServerSession;
}

export interface LinkEvents {
  media: (stream: MediaStream) => void;
  /** The server has answered; media follows. `resumed`: the session was there already. */
  answered: (parameters: Parameters, resumed: boolean) => void;
  telemetry: (status: Status) => void;
  /** After it was up. */
  lost: (reason: string) => void;
}

export class Link {
  private peer: Connection | null = null;
  private isUp = false;
  private isClosed = false;
  private silence: ReturnType<typeof setTimeout> | undefined;
  private readonly connected = deferred();

  constructor(
    private readonly parts: LinkParts,
    private readonly events: LinkEvents,
  ) {}

  /** Resolves when media flows; throws when it does not come to that, and is closed then. */
  async open(wanted: Changes): Promise<void> {
    try {
      const iceServers = await this.parts.iceServers();
      this.checkOpen();
      this.peer = this.parts.openPeer(iceServers, this.peerEvents());
      await this.negotiate(this.peer, wanted);
      await within(CONNECT_TIMEOUT_MS, this.connected.promise, () => new MediaLost(`nothing within ${CONNECT_TIMEOUT_MS / 1000} s`));
      this.isUp = true;
      this.expectTelemetry();
    } catch (error) {
      if (!this.isClosed && error instanceof MediaLost) throw await this.withReason(error);
      throw error;
    } finally {
      if (!this.isUp) this.close();
    }
  }

  async replaceVideo(stream: MediaStream): Promise<void> {
    await this.peer?.replaceVideo(stream);
  }

  async replaceAudio(track: MediaStreamTrack | null): Promise<void> {
    await this.peer?.replaceAudio(track);
  }

  async fit(): Promise<void> {
    await this.peer?.fit();
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.silence);
    this.connected.reject(new MediaLost("stopped"));
    this.peer?.close();
  }

  private async negotiate(peer: Connection, wanted: Changes): Promise<void> {
    const { answer, resumed } = await this.parts.server.open(await peer.offer(), wanted);
    if (this.isClosed) this.parts.server.end(); // nobody waits for it any more
    this.checkOpen();
    this.events.answered(answer.parameters, resumed);
    await peer.accept(answer.sdp);
  }

  private checkOpen(): void {
    if (this.isClosed) throw new MediaLost("stopped");
  }

  private peerEvents(): PeerEvents {
    return {
      media: (stream) => {
        if (!this.isClosed) this.events.media(stream);
      },
      connected: this.connected.resolve,
      lost: (reason) => {
        this.lose(reason);
      },
      telemetry: (status) => {
        if (this.isClosed) return;
        if (this.isUp) this.expectTelemetry();
        this.events.telemetry(status);
      },
    };
  }

  private expectTelemetry(): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      this.lose("the server went silent");
    }, SILENCE_MS);
  }

  private lose(reason: string): void {
    this.connected.reject(new MediaLost(reason));
    if (!this.isUp || this.isClosed) return;
    this.close();
    this.events.lost(reason);
  }

  /** The server often knows better why no media came. */
  private async withReason(error: MediaLost): Promise<MediaLost> {
    return new MediaLost((await this.parts.server.reason()) ?? error.message);
  }
}
