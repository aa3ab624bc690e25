// A WHEP player (draft-ietf-wish-whep): receives a session's edited video and its sound.

import { apiErrorOf, fetchResponse } from "../api/client";
import { REASONS } from "../texts";
import type { ChannelOpener } from "./peer";
import { createConnection, gatherLocalSdp, minimizeReceiveDelay, watchConnection } from "./rtc";

export interface WhepEvents {
  media: (stream: MediaStream) => void;
  lost: (reason: string) => void;
}

export class WhepPlayer {
  private readonly pc: RTCPeerConnection;
  private readonly headers: Record<string, string>;
  private resource: string | null = null; // the URL of the WHEP resource
  private isClosed = false;

  constructor(
    private readonly url: string,
    token: string,
    iceServers: RTCIceServer[],
    private readonly events: WhepEvents,
    channels: ChannelOpener[],
  ) {
    this.headers = token === "" ? {} : { Authorization: `Bearer ${token}` };
    this.pc = createConnection(iceServers);
    minimizeReceiveDelay(this.pc.addTransceiver("video", { direction: "recvonly" }));
    this.pc.addTransceiver("audio", { direction: "recvonly" });
    this.pc.createDataChannel("viewer"); // so that later ones need no negotiation
    for (const opener of channels) opener.useConnection(this.pc);
    this.pc.addEventListener("track", ({ track, streams }) => {
      events.media(streams[0] ?? new MediaStream([track]));
    });
    watchConnection(
      this.pc,
      () => undefined,
      (reason) => {
        this.handleLoss(reason);
      },
    );
  }

  /** Resolves when the SDP answer is set; media follows. Throws `ApiError` or `ServerUnreachable`. */
  async open(): Promise<void> {
    const body = await gatherLocalSdp(this.pc);
    const headers = { ...this.headers, "Content-Type": "application/sdp" };
    const response = await fetchResponse(this.url, { method: "POST", headers, body });
    if (!response.ok) throw await apiErrorOf(response);
    this.resource = response.headers.get("Location");
    if (this.isClosed) this.deleteResource();
    else await this.acceptAnswer(await response.text());
  }

  /** Closes the connection and deletes the WHEP resource. The request outlives the page. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.pc.close();
    this.deleteResource();
  }

  private async acceptAnswer(answer: string): Promise<void> {
    await this.pc.setRemoteDescription({ type: "answer", sdp: answer });
    const transport = this.pc.getReceivers()[0]?.transport; // closed by the server: its state changes before the connection's
    transport?.addEventListener("statechange", () => {
      if (transport.state !== "closed") return;
      this.resource = null;
      this.handleLoss(REASONS.closedByServer);
    });
  }

  private deleteResource(): void {
    if (this.resource === null) return;
    const resource = new URL(this.resource, new URL(this.url, location.href)).href;
    this.resource = null;
    fetchResponse(resource, { method: "DELETE", headers: this.headers, keepalive: true }).catch((error: unknown) => {
      console.warn("the WHEP resource was not deleted:", error);
    });
  }

  private handleLoss(reason: string): void {
    if (this.isClosed) return;
    this.close();
    this.events.lost(reason);
  }
}
