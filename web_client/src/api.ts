// The server's HTTP API. Every failure is one of two typed errors: it answered with a reason, or it did not answer.

import { isErrorBody } from "./protocol";
import type { Ack, Answer, Changes, Offer, Place, Preset, Readiness, Schema, Status } from "./protocol";

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

export class Api {
  constructor(private readonly base = "") {}

  preset(): Promise<Preset> {
    return this.json("GET", "/api/v1/preset");
  }

  schema(): Promise<Schema> {
    return this.json("GET", "/api/v1/schema");
  }

  async iceServers(): Promise<RTCIceServer[]> {
    return (await this.json<{ iceServers: RTCIceServer[] }>("GET", "/api/v1/ice-servers")).iceServers;
  }

  async readiness(): Promise<Readiness> {
    const reply = await this.fetch("GET", "/readyz");
    if (reply.ok) return { ready: true };
    const body = (await reply.json().catch(() => ({}))) as { reason?: string }; // a proxy may answer in HTML
    return { ready: false, reason: body.reason ?? `status ${reply.status}` };
  }

  createSession(offer: Offer): Promise<Answer> {
    return this.json("POST", "/api/v1/sessions", offer);
  }

  resumeSession({ id, token }: Place, sdp: string): Promise<Answer> {
    return this.json("POST", `/api/v1/sessions/${id}/resume`, { type: "offer", sdp, token });
  }

  /** Frees the connection and keeps the session for a while. Survives the page's own end. */
  async parkSession({ id, token }: Place): Promise<void> {
    const reply = await this.fetch("POST", `/api/v1/sessions/${id}/park`, { ...asJson({ token }), keepalive: true });
    if (!reply.ok && reply.status !== 404) throw await refusal(reply);
  }

  session({ id }: SessionKey): Promise<Status> {
    return this.json("GET", `/api/v1/sessions/${id}`);
  }

  /** `signal`: when the connection is lost, nobody waits for the answer. */
  update({ id }: SessionKey, changes: Changes, signal: AbortSignal): Promise<Ack> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(UPDATE_TIMEOUT_MS)]);
    return this.json("PATCH", `/api/v1/sessions/${id}/parameters`, changes, limit);
  }

  /** Ends a session. One that the server no longer has is ended already. Survives the page's own end. */
  async deleteSession({ id }: SessionKey): Promise<void> {
    const reply = await this.fetch("DELETE", `/api/v1/sessions/${id}`, { keepalive: true });
    if (!reply.ok && reply.status !== 404) throw await refusal(reply);
  }

  private async json<T>(method: string, path: string, body?: unknown, signal = AbortSignal.timeout(TIMEOUT_MS)): Promise<T> {
    const request: RequestInit = { signal, ...(body === undefined ? {} : asJson(body)) };
    const reply = await this.fetch(method, path, request);
    if (!reply.ok) throw await refusal(reply);
    return (await reply.json()) as T;
  }

  private fetch(method: string, path: string, request: RequestInit = {}): Promise<Response> {
    return answered(this.base + path, { ...request, method });
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
