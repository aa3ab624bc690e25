// A viewer of a session: connects, reconnects while that may help, and reports its state.

import { ApiError, ServerUnreachable } from "../api/client";
import { MediaConnectionLost, WebRtcMissing } from "../media/errors";
import type { WhepEvents } from "../media/whep_player";
import { PROBLEMS, toSentence, WATCHING } from "../texts";
import { errorMessage } from "./error_message";
import { SERVER_UNREACHABLE } from "./problems";
import { InterruptibleDelay } from "./interruptible_delay";
import { deferred, isAborted } from "./promises";

const RETRY_MS = 2000;
const LOST_RETRY_MS = 500; // after the loss of an established connection
const NOT_FOUND_RETRY_MS = 4000; // a session may start again under the same id
const STALLED_AFTER_MS = 2500; // without a new frame

export interface WatchProblem {
  title: string;
  advice: string;
  retry_ms: number | null; // null: a retry would not help
}

/** `live`: frames arrive; `stalled`: no recent frame; `waiting`: a retry follows; `failed`: none does. */
export type ViewerState = { name: "connecting" | "live" | "stalled" } | ({ name: "waiting" | "failed" } & WatchProblem);

export interface Player {
  open(): Promise<void>;
  close(): void;
}

export interface ViewerEvents {
  state: (state: ViewerState) => void;
  video: (stream: MediaStream | null) => void;
}

export class Viewer {
  state: ViewerState = { name: "connecting" };
  private player: Player | null = null;
  private run = new AbortController();
  private readonly retryDelay = new InterruptibleDelay();
  private frameTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly openPlayer: (events: WhepEvents) => Promise<Player>,
    private readonly events: ViewerEvents,
  ) {}

  /** Watches until `stop`, or until an error that a retry would not resolve. */
  async start(): Promise<void> {
    this.stop();
    const { signal } = (this.run = new AbortController());
    this.setState({ name: "connecting" });
    while (!signal.aborted) {
      const problem = watchProblemOf(await this.watchOnce(signal));
      if (isAborted(signal)) return;
      this.setState({ name: problem.retry_ms === null ? "failed" : "waiting", ...problem });
      if (problem.retry_ms === null) return;
      await this.retryDelay.wait(problem.retry_ms, signal);
    }
  }

  stop(): void {
    this.run.abort();
    this.closePlayer();
  }

  /** Retries now. */
  retry(): void {
    if (this.state.name === "failed") void this.start();
    else this.retryDelay.interrupt();
  }

  /** A frame was shown. */
  frameShown(): void {
    if (this.player === null) return; // the last frame of a closed connection
    if (this.state.name !== "live") this.setState({ name: "live" });
    this.restartFrameTimer();
  }

  /** Resolves with the error that ended the connection; null after `stop`. */
  private async watchOnce(signal: AbortSignal): Promise<unknown> {
    const ended = deferred();
    signal.addEventListener("abort", ended.resolve, { once: true });
    try {
      const player = await this.openPlayer({
        media: (stream) => {
          if (!signal.aborted) this.events.video(stream);
        },
        lost: (reason) => {
          ended.reject(new MediaConnectionLost(reason));
        },
      });
      if (isAborted(signal)) {
        player.close();
        return null;
      }
      this.player = player;
      await player.open();
      this.restartFrameTimer();
      await ended.promise;
      return null;
    } catch (error) {
      if (!isAborted(signal)) this.closePlayer();
      return error;
    }
  }

  private restartFrameTimer(): void {
    clearTimeout(this.frameTimer);
    this.frameTimer = setTimeout(() => {
      this.setState({ name: "stalled" });
    }, STALLED_AFTER_MS);
  }

  private closePlayer(): void {
    clearTimeout(this.frameTimer);
    this.player?.close();
    this.player = null;
    this.events.video(null);
  }

  private setState(state: ViewerState): void {
    this.state = state;
    this.events.state(state);
  }
}

export function watchProblemOf(error: unknown): WatchProblem {
  if (error instanceof ServerUnreachable) return { title: SERVER_UNREACHABLE.title, advice: WATCHING.keepsTrying, retry_ms: RETRY_MS };
  if (error instanceof ApiError) return apiWatchProblem(error);
  if (error instanceof WebRtcMissing) return { ...PROBLEMS.noWebRtc, retry_ms: null };
  const reason = errorMessage(error);
  return { ...WATCHING.lost(reason), retry_ms: LOST_RETRY_MS };
}

function apiWatchProblem({ status, message, retry_ms }: ApiError): WatchProblem {
  switch (status) {
    case 401:
    case 403:
      return { ...WATCHING.wrongToken, retry_ms: null };
    case 404:
      return { ...WATCHING.notLive, retry_ms: NOT_FOUND_RETRY_MS };
    case 409:
      return { ...WATCHING.noPicture(message), retry_ms: retry_ms ?? RETRY_MS };
    case 503:
      return { ...WATCHING.full(message), retry_ms: retry_ms ?? RETRY_MS };
    default:
      return { title: WATCHING.rejected, advice: toSentence(message), retry_ms: null };
  }
}
