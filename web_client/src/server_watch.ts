// Whether the server is there and its model ready: asked again and again, sooner while somebody waits for it.

import { Unreachable } from "./api";
import type { Readiness } from "./protocol";

export type ServerState = { name: "asking" } | { name: "ready" } | { name: "loading"; reason: string } | { name: "gone" };

const CALM_MS = 5000;
const WAITED_FOR_MS = 1000;

export interface ServerWatchEvents {
  /** Asked again, whatever came of it. */
  checked: () => void;
  /** It is ready, and was not before. */
  ready: () => void;
}

export class ServerWatch {
  state: ServerState = { name: "asking" };
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `isWaitedFor`: somebody tries to come back to a server that looks ready still. */
  constructor(
    private readonly readiness: () => Promise<Readiness>,
    private readonly isWaitedFor: () => boolean,
    private readonly events: ServerWatchEvents,
  ) {}

  /** Asks now, and from then on by itself. */
  async check(): Promise<void> {
    clearTimeout(this.timer);
    const before = this.state;
    this.state = await this.ask();
    clearTimeout(this.timer); // another check may have been started while this one waited
    const soon = this.state.name !== "ready" || this.isWaitedFor();
    this.timer = setTimeout(() => void this.check(), soon ? WAITED_FOR_MS : CALM_MS);
    if (this.state.name === "ready" && before.name !== "ready") this.events.ready();
    this.events.checked();
  }

  private async ask(): Promise<ServerState> {
    try {
      const readiness = await this.readiness();
      return readiness.ready ? { name: "ready" } : { name: "loading", reason: readiness.reason };
    } catch (error) {
      if (error instanceof Unreachable) return { name: "gone" };
      throw error;
    }
  }
}
