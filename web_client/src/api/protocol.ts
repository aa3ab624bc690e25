// Messages between page and server: JSON over HTTP, and status messages over the telemetry data channel.

/** How the source's picture is brought to the shape of the session's: filled, whole with bars, or distorted. */
export type Fit = "crop" | "fit" | "stretch";

/** Left, top, width, height, in ratios of the edited picture. */
export type Box = [left: number, top: number, width: number, height: number];

/** Where the picture is edited, or frozen. Neither box nor mask: everywhere. */
export interface Region {
  /** `frames`: a mask for each frame, sent over a data channel. */
  source: "shape" | "frames";
  mode: "edit" | "freeze";
  box: Box | null;
  /** A grey picture, as `grey_mask.ts` encodes it. */
  mask: string | null;
  /** Width of the soft edge, in ratios of the shorter side. */
  feather: number;
}

/** The live parameters that the page uses by name; the schema describes these and all others. */
/** One of the prompts whose embeddings are mixed. */
export interface WeightedPrompt {
  text: string;
  weight: number; // 0..1
}

export interface Parameters {
  prompt: string;
  /** Instead of `prompt` alone, which is then the first one's text; null: `prompt` alone. */
  prompts: WeightedPrompt[] | null;
  /** 0..1; null: the preset's denoising steps apply. */
  strength: number | null;
  denoising_steps: number[] | null;
  pruning: { enabled: boolean; detector: string; [name: string]: unknown };
  paused: boolean;
  fit: Fit;
  region: Region;
  [name: string]: unknown;
}

/** A partial update. `reset` is an action, not a parameter. */
export interface Changes {
  prompt?: string;
  prompts?: WeightedPrompt[] | null;
  strength?: number | null;
  paused?: boolean;
  fit?: Fit;
  region?: Partial<Region>;
  reset?: true;
  [name: string]: unknown;
}

export interface Style {
  name: string;
  prompt: string;
  /** Address of a small picture, relative to the page. */
  picture: string | null;
}

export interface Preset {
  name: string;
  description: string;
  vocabulary_note: string;
  width: number; // of the picture of a session that requests no size
  height: number;
  /** WIDTHxHEIGHT: those that a session can have. */
  sizes: string[];
  frames_per_block: number;
  styles: Style[];
  parameters: Parameters;
  /** The value of `strength` while it is null. */
  first_sigma: number;
}

export interface Stats {
  fps_in: number;
  fps_out: number;
  model_fps: number;
  keep_ratio: number | null;
  /** Estimated time of a block computed in full / of one that keeps this much; null: not known yet. */
  speed_up: number | null;
  /** Estimated noise of the source in levels of 255; null if the detector does not estimate it. */
  noise_levels: number | null;
  latency_ms: number | null;
  /** From camera to screen, in pipeline order; stages without a measurement are missing. */
  latency_stages_ms: Record<string, number>;
  dropped_frames: number;
  block: number | null;
  stage_ms: Record<string, number>;
}

export interface PromptTokens {
  used: number;
  given: number;
  /** Words that the model does not know; empty for one that was trained on whole languages. */
  unknown_words: string[];
}

export interface SessionStatus {
  id: string;
  state: "connecting" | "live" | "paused" | "parked" | "stalled" | "model_restarting" | "failed";
  /** Why there is no picture; null if there is one. */
  reason: string | null;
  parameters: Parameters;
  prompt_tokens?: PromptTokens | null;
  viewers: number; // without the editor
  model: { sharing: number }; // sessions that share its process now, this one included
  stats: Stats;
}

export interface Offer {
  type: "offer";
  sdp: string;
  parameters: Changes;
  /** Of the picture, WIDTHxHEIGHT; without it the preset's. */
  size?: string;
  /** Id and token of an ended session: the new one gets the same id, so its links stay valid. */
  name?: string;
  token?: string;
}

/** What a new session starts with. */
export type NewSession = Pick<Offer, "parameters" | "size">;

/** The role that a token grants. */
export interface Access {
  role: "none" | "viewer" | "editor" | "admin";
  session: string | null; // the only session for which the role is granted; null: all
  token_required: boolean; // false: the page is admin without one
}

/** Id and tokens of a session, enough to resume it. */
export interface SessionCredentials {
  id: string;
  token: string;
  view_token: string; // grants only watching
}

export interface Answer extends SessionCredentials {
  type: "answer";
  sdp: string;
  parameters: Parameters;
  size: string; // of the session's picture, WIDTHxHEIGHT
}

/** The block at which a change takes effect. `pending`: the session is paused; the block follows when it resumes. */
export interface Acknowledgement {
  block: number;
  parameters: Parameters;
  pending: boolean;
  /** How many tokens of the prompt in use the text encoder reads. */
  prompt_tokens: PromptTokens | null;
}

/** `loading_s`: since the model began to load; null if it is not loading. */
export type Readiness = { ready: true } | { ready: false; reason: string; loading_s: number | null };

export interface ErrorBody {
  detail: { message: string; path?: string; value?: unknown; allowed?: string };
}

/** The subset of JSON Schema that the page reads, with the server's hints for controls. */
export interface Schema {
  type?: string;
  title?: string;
  description?: string;
  enum?: string[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  items?: Schema;
  maxItems?: number;
  properties?: Record<string, Schema>;
  anyOf?: Schema[];
  allOf?: Schema[];
  $ref?: string;
  $defs?: Record<string, Schema>;
  group?: string;
  unit?: string;
  curve?: number;
  detector?: string;
}

/** A telemetry message; null for other kinds of message, which a newer server may send. */
export function parseStatus(text: string): SessionStatus | null {
  const value: unknown = JSON.parse(text);
  return isObject(value) && typeof value.state === "string" && isObject(value.stats) ? (value as unknown as SessionStatus) : null;
}

export function isErrorBody(value: unknown): value is ErrorBody {
  return isObject(value) && isObject(value.detail) && typeof value.detail.message === "string";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
