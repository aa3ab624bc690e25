// The server's HTTP API. Every failure is one of two typed errors: it answered with a reason, or it did not answer.

import { isErrorBody } from "./protocol";
import type { Access, Ack, Answer, Changes, Offer, Place, Preset, Readiness, Schema, Status } from "./protocol";

const TIMEOUT_MS = 10_000;
const UPDATE_TIMEOUT_MS = 40_000; // a new prompt may wait for a slow text encoder

/** The server refused: `path` names the parameter at fault where there is one. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly path: string | null = null,
    readonly retry_ms: number | null = null, // when to ask again
  ) {
    super(message);
  }
}

/** No answer: the server is not running, or cannot be reached. */
export class Unreachable extends Error {
  constructor(cause: unknown) {
    super("the server does not answer", { cause });
  }
}

type SessionKey = Pick<Place, "id" | "token">;

/** All addresses are relative to the page's own: a proxy may serve both under a path of its own. */
export class Api {
  /** The server's token, where it has one; sessions have theirs. */
  token: string | null = null;

  /** What this page may do. Answers a wrong token too, with the role "none". A server that knows no tokens has no such route. */
  async access(): Promise<Access> {
    const reply = await this.fetch("GET", "api/v1/access", {}, this.token);
    if (reply.status === 404) return { role: "admin", session: null, token_required: false };
    if (!reply.ok) throw await refusal(reply);
    return (await reply.json()) as Access;
  }

  preset(): Promise<Preset> {
    return this.json("GET", "api/v1/preset");
  }

  schema(): Promise<Schema> {
    return this.json("GET", "api/v1/schema");
  }

  /** `session`: which one this page only watches; the server says 404 when that has ended. */
  async iceServers(session?: string): Promise<RTCIceServer[]> {
    const query = session === undefined ? "" : `?session=${encodeURIComponent(session)}`;
    return (await this.json<{ iceServers: RTCIceServer[] }>("GET", `api/v1/ice-servers${query}`)).iceServers;
  }

  async readiness(): Promise<Readiness> {
    const reply = await this.fetch("GET", "readyz", {}, null);
    if (reply.ok) return { ready: true };
    const body = (await reply.json().catch(() => ({}))) as { reason?: string }; // a proxy may answer in HTML
    return { ready: false, reason: body.reason ?? `status ${reply.status}` };
  }

  createSession(offer: Offer): Promise<Answer> {
    return this.json("POST", "api/v1/sessions", offer);
  }

  resumeSession({ id, token }: Place, sdp: string): Promise<Answer> {
    return this.json("POST", `api/v1/sessions/${id}/resume`, { type: "offer", sdp, token }, { token });
  }

  /** Frees the connection and keeps the session for a while. Survives the page's own end. */
  async parkSession({ id, token }: Place): Promise<void> {
    const reply = await this.fetch("POST", `api/v1/sessions/${id}/park`, { ...asJson({ token }), keepalive: true }, token);
    if (!reply.ok && reply.status !== 404) throw await refusal(reply);
  }

  session({ id, token }: SessionKey): Promise<Status> {
    return this.json("GET", `api/v1/sessions/${id}`, undefined, { token });
  }

  /** `signal`: when the connection is lost, nobody waits for the answer. */
  update({ id, token }: SessionKey, changes: Changes, signal: AbortSignal): Promise<Ack> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(UPDATE_TIMEOUT_MS)]);
    return this.json("PATCH", `api/v1/sessions/${id}/parameters`, changes, { token, signal: limit });
  }

  /** Ends a session. One that the server no longer has is ended already. Survives the page's own end. */
  async deleteSession({ id, token }: SessionKey): Promise<void> {
    const reply = await this.fetch("DELETE", `api/v1/sessions/${id}`, { keepalive: true }, token);
    if (!reply.ok && reply.status !== 404) throw await refusal(reply);
  }

  private async json<T>(method: string, path: string, body?: unknown, { token = this.token, signal = AbortSignal.timeout(TIMEOUT_MS) } = {}): Promise<T> {
    const request: RequestInit = { signal, ...(body === undefined ? {} : asJson(body)) };
    const reply = await this.fetch(method, path, request, token);
    if (!reply.ok) throw await refusal(reply);
    return (await reply.json()) as T;
  }

  private fetch(method: string, path: string, request: RequestInit, token: string | null): Promise<Response> {
    const headers = new Headers(request.headers);
    if (token !== null) headers.set("Authorization", `Bearer ${token}`);
    return answered(path, { ...request, method, headers });
  }
}

/** Any answer of the server's, a refusal too. Throws `Unreachable` where there is none in time. */
export async function answered(url: string, request: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), ...request });
  } catch (error) {
    throw new Unreachable(error);
  }
}

function asJson(body: unknown): RequestInit {
  return { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
}

export async function refusal(reply: Response): Promise<Refused> {
  const body: unknown = await reply.json().catch(() => null); // a proxy in between answers in HTML
  const { message, path } = isErrorBody(body) ? body.detail : { message: `the server answered ${reply.status} ${reply.statusText}` };
  const wait_s = Number(reply.headers.get("Retry-After") ?? NaN);
  return new Refused(reply.status, message, path, Number.isFinite(wait_s) ? wait_s * 1000 : null);
}
