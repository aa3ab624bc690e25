// The session that the server keeps for this page: begun, resumed, changed, parked, ended.

import { Refused } from "../api";
import type { Ack, Answer, Changes, Offer, Place, Status } from "../protocol";

const NOT_OURS = [401, 403, 404]; // ended, or another has its name by now
const NAME_TAKEN = 409;

export interface SessionApi {
  createSession(offer: Offer): Promise<Answer>;
  resumeSession(place: Place, sdp: string): Promise<Answer>;
  parkSession(place: Place): Promise<void>;
  session(place: Place): Promise<Pick<Status, "reason">>;
  update(place: Place, changes: Changes, signal: AbortSignal): Promise<Ack>;
  deleteSession(place: Place): Promise<void>;
}

export class ServerSession {
  /**
   * `name`: its id; null: the server draws one. `place`: where it is found again, over lost connections; null where it
   * has yet to begin. `ended`: one that is begun again then, so that the links to watch it stay good.
   */
  constructor(
    private readonly api: SessionApi,
    private readonly name: string | null,
    public place: Place | null = null,
    private ended: Place | null = null,
  ) {}

  /** Goes on with the session that there is, or begins one with these parameters. */
  async open(sdp: string, wanted: Changes): Promise<{ answer: Answer; resumed: boolean }> {
    const resumed = await this.resume(sdp);
    const answer = resumed ?? (await this.begin(sdp, wanted));
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
      if (!(error instanceof Refused && NOT_OURS.includes(error.status))) throw error;
      this.ended = this.place;
      this.place = null;
      return null;
    }
  }

  /** Under the name that it had, unless somebody else has that by now; the name that was asked for must be free. */
  private async begin(sdp: string, parameters: Changes): Promise<Answer> {
    const { ended, name } = this;
    const offer: Offer = { type: "offer", sdp, parameters, ...(name === null ? {} : { name }) };
    if (ended === null) return this.api.createSession(offer);
    try {
      return await this.api.createSession({ ...offer, name: ended.id, token: ended.token });
    } catch (error) {
      if (!(error instanceof Refused && error.status === NAME_TAKEN)) throw error;
      return this.api.createSession(offer);
    }
  }
}

export function warnOf(what: string): (error: unknown) => void {
  return (error) => {
    console.warn(what, error);
  };
}
