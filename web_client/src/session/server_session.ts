// The session that the server keeps for this page: begun, resumed, changed, parked, ended.

import { Refused } from "../api";
import type { Ack, Answer, Changes, Offer, Place, Status } from "../protocol";

const NO_SESSION = 404;

export interface SessionApi {
  createSession(offer: Offer): Promise<Answer>;
  resumeSession(place: Place, sdp: string): Promise<Answer>;
  parkSession(place: Place): Promise<void>;
  session(place: Place): Promise<Pick<Status, "reason">>;
  update(place: Place, changes: Changes, signal: AbortSignal): Promise<Ack>;
  deleteSession(place: Place): Promise<void>;
}

export class ServerSession {
  /** `place`: where it is found again, over lost connections; null where it has yet to begin. */
  constructor(
    private readonly api: SessionApi,
    public place: Place | null,
  ) {}

  /** Goes on with the session that there is, or begins one with these parameters. */
  async open(sdp: string, wanted: Changes): Promise<{ answer: Answer; resumed: boolean }> {
    const resumed = await this.resume(sdp);
    const answer = resumed ?? (await this.api.createSession({ type: "offer", sdp, parameters: wanted }));
    this.place = { id: answer.id, token: answer.token, view_token: answer.view_token };
    return { answer, resumed: resumed !== null };
  }

  update(changes: Changes, signal: AbortSignal): Promise<Ack> {
    if (this.place === null) throw new Error("there is no session");
    return this.api.update(this.place, changes, signal);
  }

  /** Why the server has no picture; null where it does not say. */
  async reason(): Promise<string | null> {
    try {
      return this.place === null ? null : (await this.api.session(this.place)).reason;
    } catch {
      return null; // the connection's own failure is told then
    }
  }

  /** Keeps it for a page that comes back; returns where. */
  park(): Place | null {
    const { place } = this;
    this.place = null;
    if (place !== null) this.api.parkSession(place).catch(warnOf(`session ${place.id} was not parked:`));
    return place;
  }

  /** Frees the server's slot. A server that is gone has freed it already, and ends silent sessions by itself. */
  end(): void {
    const { place } = this;
    this.place = null;
    if (place !== null) this.api.deleteSession(place).catch(warnOf(`session ${place.id} was not ended:`));
  }

  /** The answer of the session that there was; null where there was none, or the server has given it up. */
  private async resume(sdp: string): Promise<Answer | null> {
    if (this.place === null) return null;
    try {
      return await this.api.resumeSession(this.place, sdp);
    } catch (error) {
      if (!(error instanceof Refused && error.status === NO_SESSION)) throw error;
      this.place = null;
      return null;
    }
  }
}

export function warnOf(what: string): (error: unknown) => void {
  return (error) => {
    console.warn(what, error);
  };
}
