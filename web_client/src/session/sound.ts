// Whether this page sends sound beside the picture: only when its user says so, and then the source's own.

import { MICROPHONE_ENDED, soundProblemOf } from "../problems";
import type { Problem } from "../problems";
import type { Source, SourceSound } from "../source";

/** `wanted`: as soon as there is a source; `none`: the source has no sound. */
export type SoundState = "off" | "wanted" | "asking" | "on" | "none";

export interface SoundEvents {
  state: (state: SoundState) => void;
  /** What is to be sent from now on; null: nothing. */
  track: (track: MediaStreamTrack | null) => void;
  /** It could not be opened, and is off. */
  failed: (problem: Problem) => void;
}

export class Sound {
  state: SoundState = "off";
  private source: Source | null = null;
  private sound: SourceSound | null = null;
  private turn = 0; // of the newest wish: what an older one brings comes too late

  constructor(private readonly events: SoundEvents) {}

  get isWanted(): boolean {
    return this.state !== "off";
  }

  get track(): MediaStreamTrack | null {
    return this.sound?.track ?? null;
  }

  switch(on: boolean): void {
    this.become(on ? "wanted" : "off");
    this.refresh();
  }

  /** Another source, or none: its sound in place of the one before. */
  follow(source: Source | null): void {
    this.source = source;
    this.refresh();
  }

  private refresh(): void {
    const turn = ++this.turn;
    this.release();
    if (!this.isWanted) return;
    if (this.source === null) this.become("wanted");
    else void this.take(this.source, turn);
  }

  private async take(source: Source, turn: number): Promise<void> {
    this.become("asking");
    try {
      const sound = await source.openSound();
      if (turn !== this.turn) sound?.close();
      else this.send(sound);
    } catch (error) {
      if (turn !== this.turn) return;
      this.become("off");
      this.events.failed(soundProblemOf(error));
    }
  }

  private send(sound: SourceSound | null): void {
    this.sound = sound;
    this.become(sound === null ? "none" : "on");
    if (sound === null) return;
    this.events.track(sound.track);
    sound.track.addEventListener("ended", () => {
      if (this.sound !== sound) return;
      this.switch(false);
      if (this.source?.choice.kind === "camera") this.events.failed(MICROPHONE_ENDED); // else the source's own end is told
    });
  }

  private release(): void {
    if (this.sound === null) return;
    this.sound.close();
    this.sound = null;
    this.events.track(null);
  }

  private become(state: SoundState): void {
    this.state = state;
    this.events.state(state);
  }
}
