// The dependencies and events of a stream controller.

import type { Preset, SessionStatus } from "../api/protocol";
import type { FrameName } from "../media/frame_names";
import type { LinkStats } from "../media/link_meter";
import type { PeerEvents } from "../media/peer";
import type { Source, SourceChoice } from "../media/source";
import type { Problem } from "./problems";
import type { SessionApi } from "./remote_session";
import type { MediaPeer } from "./session_connection";
import type { Settings } from "./settings";
import type { SoundState } from "./sound_sender";
import type { StreamState } from "./stream_state";

export interface StreamDependencies {
  preset: Preset;
  sessionName: string | null; // requested id; null: the server generates one
  openSource: (choice: SourceChoice, sound: boolean) => Promise<Source>;
  openPeer: (video: MediaStream, audio: MediaStreamTrack | null, iceServers: RTCIceServer[], events: PeerEvents) => MediaPeer;
  api: SessionApi & { iceServers(): Promise<RTCIceServer[]> };
}

export interface StreamEvents {
  state: (state: StreamState) => void;
  /** The source being sent; null: none. */
  source: (source: Source | null) => void;
  /** A problem with the source or sound of a continuing session; null when it is resolved. */
  notice: (problem: Problem | null) => void;
  result: (stream: MediaStream | null) => void;
  /** Once a second. `link`: measured by the browser; null until it is known. */
  status: (status: SessionStatus, link: LinkStats | null) => void;
  frameNamed: (name: FrameName) => void;
  settingsChanged: (settings: Settings) => void;
  sound: (state: SoundState) => void;
}
