// A WHEP player (draft-ietf-wish-whep): one connection that takes a session's edited video, and its sound.

import { answered, refusal } from "./api";
import { follow, gathered, receiveAtOnce } from "./rtc";

export interface WhepEvents {
  media: (stream: MediaStream) => void;
  lost: (reason: string) => void;
}

export class Whep {
  private readonly pc: RTCPeerConnection;
  private readonly headers: Record<string, string>;
  private resource: string | null = null; // where the server keeps this player
  private closed = false;

  constructor(
    private readonly address: string,
    token: string,
    iceServers: RTCIceServer[],
    private readonly events: WhepEvents,
  ) {
    this.headers = token === "" ? {} : { Authorization: `Bearer ${token}` };
    this.pc = new RTCPeerConnection({ iceServers });
    receiveAtOnce(this.pc.addTransceiver("video", { direction: "recvonly" }));
    this.pc.addTransceiver("audio", { direction: "recvonly" });
    this.pc.addEventListener("track", ({ track, streams }) => {
      events.media(streams[0] ?? new MediaStream([track]));
    });
    follow(
      this.pc,
      () => undefined,
      (reason) => {
        this.lose(reason);
      },
    );
  }

  /** Resolves when the server has answered; the video follows. Throws `Refused` or `Unreachable`. */
  async open(): Promise<void> {
    const body = await gathered(this.pc);
    const headers = { ...this.headers, "Content-Type": "application/sdp" };
    const reply = await answered(this.address, { method: "POST", headers, body });
    if (!reply.ok) throw await refusal(reply);
    this.resource = reply.headers.get("Location");
    if (this.closed) this.leave();
    else await this.take(await reply.text());
  }

  /** Ends the connection, and tells the server. Survives the page's own end. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.pc.close();
    this.leave();
  }

  private async take(answer: string): Promise<void> {
    await this.pc.setRemoteDescription({ type: "answer", sdp: answer });
    const transport = this.pc.getReceivers()[0]?.transport; // tells of the server's goodbye before the connection does
    transport?.addEventListener("statechange", () => {
      if (transport.state !== "closed") return;
      this.resource = null;
      this.lose("the server ended it");
    });
  }

  private leave(): void {
    if (this.resource === null) return;
    const resource = new URL(this.resource, new URL(this.address, location.href)).href;
    this.resource = null;
    answered(resource, { method: "DELETE", headers: this.headers, keepalive: true }).catch((error: unknown) => {
      console.warn("the server was not told of this player's end:", error);
    });
  }

  private lose(reason: string): void {
    if (this.closed) return;
    this.close();
    this.events.lost(reason);
  }
}
