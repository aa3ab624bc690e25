// The server as the page knows it: whether it answers and is ready, and the role that the page's token grants.

import { ServerUnreachable } from "../api/client";
import type { ApiClient } from "../api/client";
import { extractToken, PageAccess } from "../session/access";
import type { AccessState } from "../session/access";
import { LoadingTime } from "../session/loading_time";
import { ServerMonitor } from "../session/server_monitor";
import type { ServerState } from "../session/server_monitor";
import type { StreamController } from "../session/stream_controller";
import { TokenForm } from "./token_form";

export interface ServerLinkEvents {
  /** The stream; null until the preset is loaded. */
  stream: () => StreamController | null;
  /** Loads preset and stream, which the server permits. */
  load: () => Promise<void>;
  /** After every check of the server. */
  checked: (stream: StreamController) => Promise<void>;
  show: () => void;
}

export class ServerLink {
  private readonly access: PageAccess;
  private readonly monitor: ServerMonitor;
  private readonly tokenForm: TokenForm;

  constructor(
    api: ApiClient,
    private readonly events: ServerLinkEvents,
  ) {
    const { token, addressWithoutToken } = extractToken(location.href);
    if (addressWithoutToken !== location.href) history.replaceState(null, "", addressWithoutToken);
    this.access = new PageAccess(api, window.sessionStorage, () => void this.handleAccessChanged());
    if (token !== null) this.access.setToken(token);
    this.tokenForm = new TokenForm(
      {
        entered: (entered) => void this.access.tryToken(entered).catch(this.recheck),
        forgotten: () => {
          events.stream()?.stop();
          this.access.forgetToken();
        },
      },
      () => api.token,
    );
    this.monitor = new ServerMonitor(
      () => api.readiness(),
      () => events.stream()?.state.name === "reconnecting",
      {
        checked: () => void this.handleChecked(),
        ready: () => {
          this.handleReady();
        },
      },
      new LoadingTime(window.localStorage),
    );
  }

  get role(): AccessState["name"] {
    return this.access.state.name;
  }

  get server(): ServerState {
    return this.monitor.state;
  }

  /** Checks the server now, and from now on regularly. */
  check(): Promise<void> {
    return this.monitor.check();
  }

  /** The server has rejected the page's token. */
  rejectToken(): void {
    this.access.rejectToken();
  }

  show(): void {
    this.tokenForm.show(this.access.state);
  }

  /** Clears failures caused by the missing server, and retries. */
  private handleReady(): void {
    const stream = this.events.stream();
    const state = stream?.state;
    if (state?.name === "failed" && ["server", "busy"].includes(state.problem.kind)) stream?.stop();
    stream?.retryNow();
  }

  private async handleChecked(): Promise<void> {
    const isReachable = (): boolean => this.server.name !== "unreachable";
    if (isReachable() && this.role === "unknown") await this.access.check().catch(this.recheck);
    if (isReachable()) await this.load();
    const stream = this.events.stream();
    if (stream !== null) await this.events.checked(stream);
    this.events.show();
  }

  private async handleAccessChanged(): Promise<void> {
    await this.load();
    const stream = this.events.stream();
    if (this.role === "granted" && stream?.state.name === "failed" && stream.state.problem.kind === "access") stream.stop();
    this.events.show();
  }

  private async load(): Promise<void> {
    if (this.role === "granted" && this.events.stream() === null) await this.events.load();
  }

  /** The access check is repeated after the next server check. */
  private readonly recheck = (error: unknown): void => {
    if (!(error instanceof ServerUnreachable)) throw error;
    void this.monitor.check();
  };
}
