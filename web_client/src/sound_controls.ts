// Sound on the editor's page: whether it is sent, and whether the edited picture's is heard here.

import { element } from "./elements";
import type { SoundState } from "./session/sound";
import type { SourceKind } from "./source";

const HINTS: Record<SoundState, string> = {
  off: "Send sound, too. Nothing is recorded.",
  wanted: "Sound is sent as soon as the session is live",
  asking: "Waiting for the sound",
  on: "Sound is sent",
  none: "This source has no sound",
};

export interface SoundSituation {
  isLive: boolean;
  isPaused: boolean;
}

export class SoundControls {
  private readonly send = element("sound", HTMLButtonElement);
  private readonly listen = element("listen", HTMLButtonElement);
  private readonly result = element("result", HTMLVideoElement);

  constructor(switched: (on: boolean) => void) {
    this.send.addEventListener("click", () => {
      switched(this.send.getAttribute("aria-pressed") !== "true");
    });
    this.listen.addEventListener("click", () => {
      this.mute(!this.result.muted);
    });
    this.show("off", "camera", { isLive: false, isPaused: false });
  }

  show(state: SoundState, kind: SourceKind, situation: SoundSituation): void {
    this.send.textContent = `${kind === "camera" ? "Microphone" : "Sound"}${addition(state, situation)}`;
    this.send.title = hint(state, situation);
    this.send.setAttribute("aria-pressed", String(state !== "off"));
    this.listen.hidden = state !== "on";
    if (state !== "on") this.mute(true); // heard only when asked for: a loudspeaker feeds back into the microphone
  }

  private mute(muted: boolean): void {
    this.result.muted = muted;
    this.listen.textContent = muted ? "Unmute" : "Mute";
  }
}

function addition(state: SoundState, { isLive, isPaused }: SoundSituation): string {
  if (state === "none") return ": none";
  return state === "on" && isLive && isPaused ? ": muted" : "";
}

function hint(state: SoundState, { isLive, isPaused }: SoundSituation): string {
  if (state !== "on") return HINTS[state];
  if (!isLive) return HINTS.wanted;
  return isPaused ? "Muted while the picture is paused" : HINTS.on;
}
