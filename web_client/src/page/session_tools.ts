// What can be done with a live session besides editing it: share and save it, and drive it by keys.

import type { ApiClient } from "../api/client";
import type { SessionCredentials } from "../api/protocol";
import { KeepPanel } from "./keep_panel";
import { ShareControl } from "./share_control";
import { Shortcuts } from "./shortcuts";

export class SessionTools {
  private readonly shareControl = new ShareControl();
  private readonly keepPanel: KeepPanel;

  constructor(api: ApiClient) {
    this.keepPanel = new KeepPanel(api);
    new Shortcuts();
  }

  /** Null: no session is live. */
  show(credentials: SessionCredentials | null): void {
    this.shareControl.show(credentials);
    this.keepPanel.show(credentials);
  }
}
