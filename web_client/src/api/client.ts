// Client of the server's HTTP API. A failed request throws `ApiError` (an error response) or `ServerUnreachable` (no response).

import { REASONS } from "../texts";
import { isErrorBody } from "./protocol";
import type { Access, Acknowledgement, Answer, Changes, Offer, Preset, Readiness, Schema, SessionCredentials, SessionStatus } from "./protocol";

const TIMEOUT_MS = 10_000;
const UPDATE_TIMEOUT_MS = 40_000; // a new prompt may wait for a slow text encoder

/** An error response. `path` names the rejected parameter, if any. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly path: string | null = null,
    readonly retry_ms: number | null = null, // from Retry-After
  ) {
    super(message);
  }
}

/** No response: the server is not running, or cannot be reached. */
export class ServerUnreachable extends Error {
  constructor(cause: unknown) {
    super(REASONS.serverUnreachable, { cause });
  }
}

type SessionKey = Pick<SessionCredentials, "id" | "token">;

/** All URLs are relative to the page's: a proxy may serve both under a base path. */
export class ApiClient {
  /** The server's bearer token, if it needs one. Sessions have their own. */
  token: string | null = null;

  /** This page's role. An unknown token gets the role "none". A server without tokens has no such route. */
  async access(): Promise<Access> {
    const response = await this.send("GET", "api/v1/access", {}, this.token);
    if (response.status === 404) return { role: "admin", session: null, token_required: false };
    if (!response.ok) throw await apiErrorOf(response);
    return (await response.json()) as Access;
  }

  preset(): Promise<Preset> {
    return this.requestJson("GET", "api/v1/preset");
  }

  schema(): Promise<Schema> {
    return this.requestJson("GET", "api/v1/schema");
  }

  /** `session`: the one that this page watches; 404 when it has ended. */
  async iceServers(session?: string): Promise<RTCIceServer[]> {
    const query = session === undefined ? "" : `?session=${encodeURIComponent(session)}`;
    return (await this.requestJson<{ iceServers: RTCIceServer[] }>("GET", `api/v1/ice-servers${query}`)).iceServers;
  }

  async readiness(): Promise<Readiness> {
    const response = await this.send("GET", "readyz", {}, null);
    if (response.ok) return { ready: true };
    const body = (await response.json().catch(() => ({}))) as { reason?: string; loading_s?: number | null }; // a proxy may respond in HTML
    return { ready: false, reason: body.reason ?? REASONS.notReady(response.status), loading_s: body.loading_s ?? null };
  }

  createSession(offer: Offer): Promise<Answer> {
    return this.requestJson("POST", "api/v1/sessions", offer);
  }

  resumeSession({ id, token }: SessionCredentials, sdp: string): Promise<Answer> {
    return this.requestJson("POST", `api/v1/sessions/${id}/resume`, { type: "offer", sdp, token }, { token });
  }

  /** Closes the connection and keeps the session for its grace period. The request outlives the page. */
  async parkSession({ id, token }: SessionCredentials): Promise<void> {
    const response = await this.send("POST", `api/v1/sessions/${id}/park`, { ...jsonBody({ token }), keepalive: true }, token);
    if (!response.ok && response.status !== 404) throw await apiErrorOf(response);
  }

  session({ id, token }: SessionKey): Promise<SessionStatus> {
    return this.requestJson("GET", `api/v1/sessions/${id}`, undefined, { token });
  }

  /** What the session began with and every change, for `lipar replay`. */
  timeline({ id, token }: SessionKey): Promise<unknown> {
    return this.requestJson("GET", `api/v1/sessions/${id}/timeline`, undefined, { token });
  }

  /** The newest edited picture with its computed parts tinted, as a PNG. */
  async overlayPicture({ id, token }: SessionKey): Promise<Blob> {
    const response = await this.send("GET", `api/v1/sessions/${id}/overlay.png`, {}, token);
    if (!response.ok) throw await apiErrorOf(response);
    return response.blob();
  }

  /** `signal` aborts the request, for example when the connection is lost. */
  update({ id, token }: SessionKey, changes: Changes, signal: AbortSignal): Promise<Acknowledgement> {
    const abort = AbortSignal.any([signal, AbortSignal.timeout(UPDATE_TIMEOUT_MS)]);
    return this.requestJson("PATCH", `api/v1/sessions/${id}/parameters`, changes, { token, signal: abort });
  }

  /** Ends a session; 404 counts as ended. The request outlives the page. */
  async deleteSession({ id, token }: SessionKey): Promise<void> {
    const response = await this.send("DELETE", `api/v1/sessions/${id}`, { keepalive: true }, token);
    if (!response.ok && response.status !== 404) throw await apiErrorOf(response);
  }

  private async requestJson<T>(method: string, path: string, body?: unknown, { token = this.token, signal = AbortSignal.timeout(TIMEOUT_MS) } = {}): Promise<T> {
    const request: RequestInit = { signal, ...(body === undefined ? {} : jsonBody(body)) };
    const response = await this.send(method, path, request, token);
    if (!response.ok) throw await apiErrorOf(response);
    return (await response.json()) as T;
  }

  private send(method: string, path: string, request: RequestInit, token: string | null): Promise<Response> {
    const headers = new Headers(request.headers);
    if (token !== null) headers.set("Authorization", `Bearer ${token}`);
    return fetchResponse(path, { ...request, method, headers });
  }
}

/** Any response, error responses included. Throws `ServerUnreachable` when none comes within the timeout. */
export async function fetchResponse(url: string, request: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), ...request });
  } catch (error) {
    throw new ServerUnreachable(error);
  }
}

function jsonBody(body: unknown): RequestInit {
  return { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
}

export async function apiErrorOf(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => null); // a proxy may respond in HTML
  const { message, path } = isErrorBody(body) ? body.detail : { message: REASONS.httpStatus(response.status, response.statusText) };
  const retry_s = Number(response.headers.get("Retry-After") ?? NaN);
  return new ApiError(response.status, message, path, Number.isFinite(retry_s) ? retry_s * 1000 : null);
}
