// Someone watches a session: connects, connects again for as long as that may help, says how it stands.

import { Refused, Unreachable } from "./api";
import { MediaLost, sentence, SERVER_GONE } from "./problems";
import { deferred, isOver, Wait } from "./promises";
import type { WhepEvents } from "./whep";

const AGAIN_MS = 2000;
const LOST_MS = 500; // a connection that stood a moment ago
const ABSENT_MS = 4000; // a session that is over may begin again under its name
const STILL_MS = 2500; // without a new picture

export interface Trouble {
  title: string;
  advice: string;
  again_ms: number | null; // null: trying again would not help
}

/** `live`: pictures come; `still`: none has come lately; `waiting`: another try follows; `failed`: none does. */
export type WatchState = { name: "connecting" | "live" | "still" } | ({ name: "waiting" | "failed" } & Trouble);

export interface Player {
  open(): Promise<void>;
  close(): void;
}

export interface WatchEvents {
  state: (state: WatchState) => void;
  video: (stream: MediaStream | null) => void;
}

export class Watching {
  state: WatchState = { name: "connecting" };
  private player: Player | null = null;
  private run = new AbortController();
  private readonly wait = new Wait();
  private stillness: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly openPlayer: (events: WhepEvents) => Promise<Player>,
    private readonly events: WatchEvents,
  ) {}

  /** Watches until `stop`, or until there is no use in trying. */
  async start(): Promise<void> {
    this.stop();
    const { signal } = (this.run = new AbortController());
    this.become({ name: "connecting" });
    while (!signal.aborted) {
      const trouble = troubleOf(await this.watchOnce(signal));
      if (isOver(signal)) return;
      this.become({ name: trouble.again_ms === null ? "failed" : "waiting", ...trouble });
      if (trouble.again_ms === null) return;
      await this.wait.pause(trouble.again_ms, signal);
    }
  }

  stop(): void {
    this.run.abort();
    this.drop();
  }

  /** Tries at once. */
  again(): void {
    if (this.state.name === "failed") void this.start();
    else this.wait.cutShort();
  }

  /** A picture was shown. */
  seen(): void {
    if (this.player === null) return; // the last of a connection that is gone
    if (this.state.name !== "live") this.become({ name: "live" });
    this.expectPicture();
  }

  /** Resolves with what ended it. */
  private async watchOnce(signal: AbortSignal): Promise<unknown> {
    const over = deferred();
    signal.addEventListener("abort", over.resolve, { once: true });
    try {
      const player = await this.openPlayer({
        media: (stream) => {
          if (!signal.aborted) this.events.video(stream);
        },
        lost: (reason) => {
          over.reject(new MediaLost(reason));
        },
      });
      if (isOver(signal)) {
        player.close();
        return null;
      }
      this.player = player;
      await player.open();
      this.expectPicture();
      await over.promise;
      return null;
    } catch (error) {
      if (!isOver(signal)) this.drop();
      return error;
    }
  }

  private expectPicture(): void {
    clearTimeout(this.stillness);
    this.stillness = setTimeout(() => {
      this.become({ name: "still" });
    }, STILL_MS);
  }

  private drop(): void {
    clearTimeout(this.stillness);
    this.player?.close();
    this.player = null;
    this.events.video(null);
  }

  private become(state: WatchState): void {
    this.state = state;
    this.events.state(state);
  }
}

export function troubleOf(error: unknown): Trouble {
  if (error instanceof Unreachable) return { title: SERVER_GONE.title, advice: "This page keeps trying by itself.", again_ms: AGAIN_MS };
  if (error instanceof Refused) return refused(error);
  const reason = error instanceof Error ? error.message : String(error);
  return { title: "The picture was lost", advice: `${sentence(reason)} This page tries to get it back.`, again_ms: LOST_MS };
}

function refused({ status, message, retry_ms }: Refused): Trouble {
  switch (status) {
    case 401:
    case 403:
      return { title: "This link does not open the session", advice: "Its key is missing or wrong. Ask for the whole link again.", again_ms: null };
    case 404:
      return { title: "Nothing is live at this link", advice: "It starts by itself when the stream begins.", again_ms: ABSENT_MS };
    case 409:
      return { title: "Nothing to see yet", advice: `${sentence(message)} The picture appears here by itself.`, again_ms: retry_ms ?? AGAIN_MS };
    case 503:
      return { title: "The server can't show it now", advice: `${sentence(message)} This page tries again by itself.`, again_ms: retry_ms ?? AGAIN_MS };
    default:
      return { title: "The server refused", advice: sentence(message), again_ms: null };
  }
}
