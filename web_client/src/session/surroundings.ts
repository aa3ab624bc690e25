// What a session is given, and whom it tells.

import type { PeerEvents } from "../peer";
import type { Problem } from "../problems";
import type { Preset, Status } from "../protocol";
import type { Source, SourceChoice } from "../source";
import type { Connection } from "./link";
import type { SessionApi } from "./server_session";
import type { SessionState } from "./session_state";
import type { Settings } from "./settings";
import type { SoundState } from "./sound";

/** What a session needs from its surroundings. */
export interface Surroundings {
  preset: Preset;
  name: string | null; // for the session; null: the server draws one
  openSource: (choice: SourceChoice, sound: boolean) => Promise<Source>;
  openPeer: (video: MediaStream, audio: MediaStreamTrack | null, iceServers: RTCIceServer[], events: PeerEvents) => Connection;
  api: SessionApi & { iceServers(): Promise<RTCIceServer[]> };
}

export interface SessionEvents {
  state: (state: SessionState) => void;
  /** What is sent; null where nothing is. */
  source: (source: Source | null) => void;
  /** What went wrong with the source or its sound while the session goes on; null when that is over. */
  notice: (problem: Problem | null) => void;
  result: (stream: MediaStream | null) => void;
  status: (status: Status) => void;
  settings: (settings: Settings) => void;
  sound: (state: SoundState) => void;
}
