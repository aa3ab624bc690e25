// What the page and the server say to each other: JSON over HTTP, and the same status over the telemetry channel.

export interface Pruning {
  enabled: boolean;
  detector: "anchor" | "lipar";
  threshold: number; // of `anchor`, levels of 255
  tau: number; // of `lipar`, as tau2 and bound_drift
  tau2: number;
  min_keep: number;
  refresh_last_frame: boolean;
  max_age: number;
  bound_drift: boolean;
  recovery: boolean;
}

export interface Parameters {
  prompt: string;
  transition: { mode: "recache" | "keep" | "cut" };
  /** 0..1; null where the preset's own steps decide. */
  strength: number | null;
  denoising_steps: number[] | null;
  seed: number;
  pruning: Pruning;
  paused: boolean;
}

type Partly<T> = { [K in keyof T]?: T[K] extends object ? Partly<T[K]> : T[K] };

/** A partial update; `reset` is an action and no parameter. */
export type Changes = Partly<Omit<Parameters, "denoising_steps">> & { reset?: true };

export interface Style {
  name: string;
  prompt: string;
}

export interface Preset {
  name: string;
  description: string;
  vocabulary_note: string;
  width: number;
  height: number;
  frames_per_block: number;
  styles: Style[];
  parameters: Parameters;
  /** What `strength` is while it is not set. */
  first_sigma: number;
}

export interface Stats {
  fps_in: number;
  fps_out: number;
  model_fps: number;
  keep_ratio: number | null;
  /** Of the source, levels of 255; null where the detector does not estimate it. */
  noise_levels: number | null;
  latency_ms: number | null;
  /** From the camera to the screen, in the order of the way; a stage that was not seen yet is missing. */
  latency_stages_ms: Record<string, number>;
  dropped_frames: number;
  block: number | null;
  stage_ms: Record<string, number>;
}

export interface PromptTokens {
  used: number;
  given: number;
}

export interface Status {
  id: string;
  state: "connecting" | "live" | "paused" | "parked" | "stalled" | "model_restarting" | "failed";
  /** Why there is no picture, whenever there is none. */
  reason: string | null;
  parameters: Parameters;
  prompt_tokens?: PromptTokens | null;
  viewers: number; // beside whoever edits
  stats: Stats;
}

export interface Offer {
  type: "offer";
  sdp: string;
  parameters: Changes;
  /** The id of a session that has ended, and its token: begins it again, at the same links. */
  name?: string;
  token?: string;
}

/** What a token lets its bearer do. */
export interface Access {
  role: "none" | "viewer" | "editor" | "admin";
  session: string | null; // the only session that the role holds in; null: the server's
  token_required: boolean; // false: a page of the server's own may do everything without one
}

/** Where a session is found again. */
export interface Place {
  id: string;
  token: string;
  view_token: string; // lets its bearer watch, and nothing else
}

export interface Answer extends Place {
  type: "answer";
  sdp: string;
  parameters: Parameters;
}

/** When a change takes effect. `pending`: the session is paused, the block comes when it goes on. */
export interface Ack {
  block: number;
  parameters: Parameters;
  pending: boolean;
  /** How much of the prompt that holds the text encoder takes. */
  prompt_tokens?: PromptTokens | null;
}

export type Readiness = { ready: true } | { ready: false; reason: string };

export interface ErrorBody {
  detail: { message: string; path?: string; value?: unknown; allowed?: string };
}

/** A JSON Schema as far as the page reads one. */
export interface Schema {
  type?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  properties?: Record<string, Schema>;
  anyOf?: Schema[];
  allOf?: Schema[];
  $ref?: string;
  $defs?: Record<string, Schema>;
}

/** A telemetry message, or null where it is none: a newer server may send kinds that this page does not know. */
export function parseStatus(text: string): Status | null {
  const value: unknown = JSON.parse(text);
  return isObject(value) && typeof value.state === "string" && isObject(value.stats) ? (value as unknown as Status) : null;
}

export function isErrorBody(value: unknown): value is ErrorBody {
  return isObject(value) && isObject(value.detail) && typeof value.detail.message === "string";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
