// The sound buttons of the editor's page: sending on or off, and playback of the returned sound.

import type { SourceKind } from "../media/source";
import type { SoundState } from "../session/sound_sender";
import { BUTTONS, SOUND } from "../texts";
import { element } from "./elements";

const TOOLTIPS: Record<SoundState, string> = {
  off: SOUND.off,
  waiting_for_source: SOUND.waitingForSource,
  opening: SOUND.opening,
  on: SOUND.on,
  unavailable: SOUND.unavailable,
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
    this.sendButton.textContent = `${kind === "camera" ? SOUND.microphone : SOUND.sound}${labelSuffix(state, playback)}`;
    this.sendButton.title = tooltip(state, playback);
    this.sendButton.setAttribute("aria-pressed", String(state !== "off"));
    this.muteButton.hidden = state !== "on";
    if (state !== "on") this.setMuted(true); // muted by default: a loudspeaker would feed back into the microphone
  }

  private setMuted(muted: boolean): void {
    this.result.muted = muted;
    this.muteButton.textContent = muted ? BUTTONS.unmute : BUTTONS.mute;
  }
}

function labelSuffix(state: SoundState, { isLive, isPaused }: PlaybackState): string {
  if (state === "unavailable") return SOUND.noneSuffix;
  return state === "on" && isLive && isPaused ? SOUND.mutedSuffix : "";
}

function tooltip(state: SoundState, { isLive, isPaused }: PlaybackState): string {
  if (state !== "on") return TOOLTIPS[state];
  if (!isLive) return TOOLTIPS.waiting_for_source;
  return isPaused ? SOUND.paused : TOOLTIPS.on;
}
