// Sending the source's sound, only while the user has enabled it.

import type { Source, SourceSound } from "../media/source";
import { MICROPHONE_ENDED, soundProblemOf } from "./problems";
import type { Problem } from "./problems";

/** `waiting_for_source`: enabled, no source yet; `unavailable`: the source has no sound. */
export type SoundState = "off" | "waiting_for_source" | "opening" | "on" | "unavailable";

export interface SoundSenderEvents {
  state: (state: SoundState) => void;
  /** The track to send from now on; null: none. */
  track: (track: MediaStreamTrack | null) => void;
  /** The sound could not be opened, and is off. */
  failed: (problem: Problem) => void;
}

export class SoundSender {
  state: SoundState = "off";
  private source: Source | null = null;
  private sound: SourceSound | null = null;
  private generation = 0; // of the newest request: sounds opened for older ones are closed

  constructor(private readonly events: SoundSenderEvents) {}

  get isEnabled(): boolean {
    return this.state !== "off";
  }

  get track(): MediaStreamTrack | null {
    return this.sound?.track ?? null;
  }

  setEnabled(on: boolean): void {
    this.setState(on ? "waiting_for_source" : "off");
    this.refresh();
  }

  /** Switches to the sound of another source, or of none. */
  setSource(source: Source | null): void {
    this.source = source;
    this.refresh();
  }

  private refresh(): void {
    const generation = ++this.generation;
    this.release();
    if (!this.isEnabled) return;
    if (this.source === null) this.setState("waiting_for_source");
    else void this.open(this.source, generation);
  }

  private async open(source: Source, generation: number): Promise<void> {
    this.setState("opening");
    try {
      const sound = await source.openSound();
      if (generation !== this.generation) sound?.close();
      else this.startSending(sound);
    } catch (error) {
      if (generation !== this.generation) return;
      this.setState("off");
      this.events.failed(soundProblemOf(error));
    }
  }

  private startSending(sound: SourceSound | null): void {
    this.sound = sound;
    this.setState(sound === null ? "unavailable" : "on");
    if (sound === null) return;
    this.events.track(sound.track);
    sound.track.addEventListener("ended", () => {
      if (this.sound !== sound) return;
      this.setEnabled(false);
      if (this.source?.choice.kind === "camera") this.events.failed(MICROPHONE_ENDED); // otherwise the end of the source is reported
    });
  }

  private release(): void {
    if (this.sound === null) return;
    this.sound.close();
    this.sound = null;
    this.events.track(null);
  }

  private setState(state: SoundState): void {
    this.state = state;
    this.events.state(state);
  }
}
