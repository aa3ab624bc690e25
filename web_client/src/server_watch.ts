// Whether the server is there and its model ready: asked again and again, sooner while it is not.

import { Unreachable } from "./api";
import type { Readiness } from "./protocol";

export type ServerState = { name: "asking" } | { name: "ready" } | { name: "loading"; reason: string } | { name: "gone" };

const CALM_MS = 5000;
const TROUBLE_MS = 2000;

export class ServerWatch {
  state: ServerState = { name: "asking" };
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly readiness: () => Promise<Readiness>,
    private readonly changed: (state: ServerState) => void,
  ) {}

  /** Asks now, and from then on by itself. */
  async check(): Promise<void> {
    clearTimeout(this.timer);
    this.state = await this.ask();
    clearTimeout(this.timer); // another check may have been started while this one waited
    this.timer = setTimeout(() => void this.check(), this.state.name === "ready" ? CALM_MS : TROUBLE_MS);
    this.changed(this.state);
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
