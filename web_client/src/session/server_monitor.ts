// Polls the server's readiness, more often while it is not ready or a reconnection waits for it.

import { ServerUnreachable } from "../api/client";
import type { Readiness } from "../api/protocol";
import type { LoadingProgress, LoadingTime } from "./loading_time";

export type ServerState = { name: "checking" } | { name: "ready" } | { name: "loading"; reason: string; progress: LoadingProgress | null } | { name: "unreachable" };

const READY_INTERVAL_MS = 5000;
const WAITING_INTERVAL_MS = 1000;

export interface ServerMonitorEvents {
  /** After every check, whatever its result. */
  checked: () => void;
  /** The server has become ready. */
  ready: () => void;
}

export class ServerMonitor {
  state: ServerState = { name: "checking" };
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `isServerNeeded`: true selects the shorter interval although the last check found the server ready. */
  constructor(
    private readonly readiness: () => Promise<Readiness>,
    private readonly isServerNeeded: () => boolean,
    private readonly events: ServerMonitorEvents,
    private readonly loadingTime: LoadingTime,
  ) {}

  /** Checks now and schedules the next check. */
  async check(): Promise<void> {
    clearTimeout(this.timer);
    const before = this.state;
    this.state = await this.requestState();
    clearTimeout(this.timer); // another check may have been started while this one waited
    if (this.state.name === "ready") this.loadingTime.finished();
    const isWaiting = this.state.name !== "ready" || this.isServerNeeded();
    this.timer = setTimeout(() => void this.check(), isWaiting ? WAITING_INTERVAL_MS : READY_INTERVAL_MS);
    if (this.state.name === "ready" && before.name !== "ready") this.events.ready();
    this.events.checked();
  }

  private async requestState(): Promise<ServerState> {
    try {
      const readiness = await this.readiness();
      return readiness.ready ? { name: "ready" } : { name: "loading", reason: readiness.reason, progress: this.loadingTime.progress(readiness.loading_s) };
    } catch (error) {
      if (error instanceof ServerUnreachable) return { name: "unreachable" };
      throw error;
    }
  }
}
