// The sound buttons of the editor's page: sending on or off, and playback of the returned sound.

import type { SourceKind } from "../media/source";
import type { SoundState } from "../session/sound_sender";
import { element } from "./elements";

const TOOLTIPS: Record<SoundState, string> = {
  off: "Also send sound. Nothing is recorded.",
  waiting_for_source: "Sound is sent as soon as the session is live",
  opening: "Waiting for the sound",
  on: "Sound is sent",
  unavailable: "This source has no sound",
};

export interface PlaybackState {
  isLive: boolean;
  isPaused: boolean;
}

export class SoundControls {
  private readonly sendButton = element("sound", HTMLButtonElement);
  private readonly muteButton = element("listen", HTMLButtonElement);
  private readonly result = element("result", HTMLVideoElement);

  constructor(toggled: (on: boolean) => void) {
    this.sendButton.addEventListener("click", () => {
      toggled(this.sendButton.getAttribute("aria-pressed") !== "true");
    });
    this.muteButton.addEventListener("click", () => {
      this.setMuted(!this.result.muted);
    });
    this.show("off", "camera", { isLive: false, isPaused: false });
  }

  show(state: SoundState, kind: SourceKind, playback: PlaybackState): void {
    this.sendButton.textContent = `${kind === "camera" ? "Microphone" : "Sound"}${labelSuffix(state, playback)}`;
    this.sendButton.title = tooltip(state, playback);
    this.sendButton.setAttribute("aria-pressed", String(state !== "off"));
    this.muteButton.hidden = state !== "on";
    if (state !== "on") this.setMuted(true); // muted by default: a loudspeaker would feed back into the microphone
  }

  private setMuted(muted: boolean): void {
    this.result.muted = muted;
    this.muteButton.textContent = muted ? "Unmute" : "Mute";
  }
}

function labelSuffix(state: SoundState, { isLive, isPaused }: PlaybackState): string {
  if (state === "unavailable") return ": none";
  return state === "on" && isLive && isPaused ? ": muted" : "";
}

function tooltip(state: SoundState, { isLive, isPaused }: PlaybackState): string {
  if (state !== "on") return TOOLTIPS[state];
  if (!isLive) return TOOLTIPS.waiting_for_source;
  return isPaused ? "Muted while the picture is paused" : TOOLTIPS.on;
}
