// What can be done with a live session besides editing it: share and save it, and drive it by keys and MIDI knobs.

import type { ApiClient } from "../api/client";
import type { SessionCredentials } from "../api/protocol";
import type { FramePairs } from "./frame_pairs";
import { KeepPanel } from "./keep_panel";
import { Midi } from "./midi";
import { ShareControl } from "./share_control";
import { Shortcuts } from "./shortcuts";

export class SessionTools {
  private readonly shareControl = new ShareControl();
  private readonly keepPanel: KeepPanel;

  constructor(api: ApiClient, pairs: FramePairs) {
    this.keepPanel = new KeepPanel(api, pairs);
    new Shortcuts();
    new Midi();
  }

  /** Null: no session is live. */
  show(credentials: SessionCredentials | null): void {
    this.shareControl.show(credentials);
    this.keepPanel.show(credentials);
  }
}
