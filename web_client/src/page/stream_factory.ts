// Creates the stream controller with the browser's sources and connections.

import type { ApiClient } from "../api/client";
import type { Preset } from "../api/protocol";
import { Peer } from "../media/peer";
import type { ChannelOpener } from "../media/peer";
import { openSource } from "../media/source";
import { StreamController } from "../session/stream_controller";
import type { StreamDependencies, StreamEvents } from "../session/stream_interfaces";
import { sessionName } from "../session/watch_link";

export function createStream(preset: Preset, api: ApiClient, events: StreamEvents, channels: ChannelOpener[]): StreamController {
  const dependencies: StreamDependencies = {
    preset,
    sessionName: sessionName(location.href),
    api,
    openSource: (choice, sound) => openSource(choice, preset, sound),
    openPeer: (video, audio, iceServers, peerEvents) => new Peer(video, audio, iceServers, preset, peerEvents, channels),
  };
  return new StreamController(dependencies, events);
}
