// The source and the sound being sent, and notices about problems with them.

import type { Changes, NewSession, Preset } from "../api/protocol";
import { fitFor, sizeFor } from "../media/picture_size";
import type { Source, SourceChoice } from "../media/source";
import { ActiveSource } from "./active_source";
import { Notices } from "./notices";
import { SOURCE_ENDED } from "./problems";
import type { Problem } from "./problems";
import { SoundSender } from "./sound_sender";
import type { SoundState } from "./sound_sender";

export interface OutgoingMediaEvents {
  /** The source being sent; null: none. */
  source: (source: Source | null) => void;
  sound: (state: SoundState) => void;
  /** The notice to show; null: none. */
  notice: (problem: Problem | null) => void;
  /** The audio track to send from now on; null: none. */
  audioTrack: (track: MediaStreamTrack | null) => void;
  /** The source ended by itself. */
  sourceEnded: (problem: Problem) => void;
}

export class OutgoingMedia {
  readonly notices: Notices;
  private readonly activeSource: ActiveSource;
  private readonly sound: SoundSender;

  constructor(openSource: (choice: SourceChoice, sound: boolean) => Promise<Source>, events: OutgoingMediaEvents) {
    this.notices = new Notices(events.notice);
    this.sound = new SoundSender({
      state: (state) => {
        if (state !== "off") this.notices.clear("sound"); // another attempt
        events.sound(state);
      },
      track: events.audioTrack,
      failed: (problem) => {
        this.notices.put("sound", problem);
      },
    });
    this.activeSource = new ActiveSource((choice) => openSource(choice, this.sound.isEnabled), {
      changed: (source) => {
        this.sound.setSource(source);
        events.source(source);
      },
      ended: (source) => {
        events.sourceEnded(SOURCE_ENDED[source.choice.kind]);
      },
    });
  }

  get video(): MediaStream | null {
    return this.activeSource.source?.stream ?? null;
  }

  /** What to start a session with for the source, beside the user's changes: its picture size, and how it is fitted. */
  newSession(preset: Preset, changes: Changes): NewSession {
    const source = this.video?.getVideoTracks()[0]?.getSettings() ?? {};
    return { parameters: { ...fitFor(source, preset), ...changes }, ...sizeFor(source, preset) };
  }

  get audioTrack(): MediaStreamTrack | null {
    return this.sound.track;
  }

  /** Opens a source in place of the current one; null if a newer choice has superseded it. */
  open(choice: SourceChoice): Promise<Source | null> {
    return this.activeSource.switchTo(choice);
  }

  /** Returns the choice to open again where the picker selects video and sound together; null otherwise. */
  setSoundEnabled(on: boolean): SourceChoice | null {
    const { source } = this.activeSource;
    this.sound.setEnabled(on);
    return on && source?.needsReopenForSound === true ? source.choice : null;
  }

  close(): void {
    this.activeSource.close();
    this.notices.clearAll();
  }
}
