// The server's session as this page uses it: created, resumed, changed, parked, ended.

import { ApiError } from "../api/client";
import type { Acknowledgement, Answer, Changes, NewSession, Offer, SessionCredentials, SessionStatus } from "../api/protocol";
import { MediaConnectionLost } from "../media/errors";

const LOST_STATUSES = [401, 403, 404]; // ended, or its id belongs to another session now
const NAME_TAKEN = 409;

export interface SessionApi {
  createSession(offer: Offer): Promise<Answer>;
  resumeSession(credentials: SessionCredentials, sdp: string): Promise<Answer>;
  parkSession(credentials: SessionCredentials): Promise<void>;
  session(credentials: SessionCredentials): Promise<Pick<SessionStatus, "reason">>;
  update(credentials: SessionCredentials, changes: Changes, signal: AbortSignal): Promise<Acknowledgement>;
  deleteSession(credentials: SessionCredentials): Promise<void>;
}

export class RemoteSession {
  private isOpening = false; // a request that resumes or creates it is on its way
  private isEnded = false;

  /**
   * `name`: the requested id; null: the server generates one. `credentials`: of the existing session, kept over lost
   * connections; null before it is created. `endedSession`: its id is requested again, so that watch links stay valid.
   */
  constructor(
    private readonly api: SessionApi,
    private readonly name: string | null,
    public credentials: SessionCredentials | null = null,
    private endedSession: SessionCredentials | null = null,
  ) {}

  /** Resumes the existing session, or creates one. */
  async open(sdp: string, start: NewSession): Promise<{ answer: Answer; resumed: boolean }> {
    this.isOpening = true;
    try {
      const resumed = await this.resume(sdp);
      if (resumed === null && this.isEnded) throw new MediaConnectionLost("stopped");
      const answer = resumed ?? (await this.create(sdp, start));
      this.credentials = { id: answer.id, token: answer.token, view_token: answer.view_token };
      return { answer, resumed: resumed !== null };
    } finally {
      this.isOpening = false;
      if (this.isEnded) this.delete();
    }
  }

  update(changes: Changes, signal: AbortSignal): Promise<Acknowledgement> {
    if (this.credentials === null) throw new Error("there is no session");
    return this.api.update(this.credentials, changes, signal);
  }

  /** Why the server has no picture; null if it gives no reason. */
  async reason(): Promise<string | null> {
    try {
      return this.credentials === null ? null : (await this.api.session(this.credentials)).reason;
    } catch {
      return null; // the caller reports the connection's own error then
    }
  }

  /** Parks the session for a later visit; returns its credentials. */
  park(): SessionCredentials | null {
    const { credentials } = this;
    this.credentials = null;
    if (credentials !== null) this.api.parkSession(credentials).catch(logFailure(`session ${credentials.id} was not parked:`));
    return credentials;
  }

  /** Frees the server's slot: once, and not while the session is being resumed, which would find it gone. */
  end(): void {
    this.isEnded = true;
    if (!this.isOpening) this.delete();
  }

  /** An unreachable server ends sessions without a connection by itself. */
  private delete(): void {
    const { credentials } = this;
    this.credentials = null;
    if (credentials !== null) this.api.deleteSession(credentials).catch(logFailure(`session ${credentials.id} was not ended:`));
  }

  /** The answer of the existing session; null if there is none, or the server has ended it. */
  private async resume(sdp: string): Promise<Answer | null> {
    if (this.credentials === null) return null;
    try {
      return await this.api.resumeSession(this.credentials, sdp);
    } catch (error) {
      if (!(error instanceof ApiError && LOST_STATUSES.includes(error.status))) throw error;
      this.endedSession = this.credentials;
      this.credentials = null;
      return null;
    }
  }

  /** Creates a session under the ended one's id, unless that is taken, or under the requested name. */
  private async create(sdp: string, start: NewSession): Promise<Answer> {
    const { endedSession, name } = this;
    const offer: Offer = { type: "offer", sdp, ...start, ...(name === null ? {} : { name }) };
    if (endedSession === null) return this.api.createSession(offer);
    try {
      return await this.api.createSession({ ...offer, name: endedSession.id, token: endedSession.token });
    } catch (error) {
      if (!(error instanceof ApiError && error.status === NAME_TAKEN)) throw error;
      return this.api.createSession(offer);
    }
  }
}

export function logFailure(message: string): (error: unknown) => void {
  return (error) => {
    console.warn(message, error);
  };
}
