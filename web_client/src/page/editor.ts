// Creates and connects the parts of the editor's page, which do not know each other.

import { ApiClient, ApiError } from "../api/client";
import type { SessionStatus } from "../api/protocol";
import { isCameraAllowed, listCameras, onDevicesChanged } from "../media/camera";
import { isScreenSharingAllowed } from "../media/screen";
import { sourceLabel } from "../media/source";
import type { Source, SourceChoice } from "../media/source";
import { FrameMonitor } from "../session/frame_monitor";
import { problemOf } from "../session/problems";
import type { Problem } from "../session/problems";
import { SessionRestore } from "../session/session_restore";
import { SessionStore } from "../session/session_store";
import type { SoundState } from "../session/sound_sender";
import type { StreamController } from "../session/stream_controller";
import type { StreamEvents } from "../session/stream_interfaces";
import type { StreamState } from "../session/stream_state";
import type { BannerAction } from "./banner";
import { ConnectionCheckPanel } from "./connection_check_panel";
import { Controls } from "./controls";
import { EditorView } from "./editor_view";
import { isRunning } from "./page_state";
import { ServerLink } from "./server_link";
import { SessionTools } from "./session_tools";
import { SoundControls } from "./sound_controls";
import { SourcePicker } from "./source_picker";
import { createStream } from "./stream_factory";

const api = new ApiClient();
const isSecure = isCameraAllowed();
const sessionRestore = new SessionRestore(new SessionStore(window.sessionStorage), api);
let stream: StreamController | null = null; // null until the preset is loaded
let controls: Controls | null = null;
let status: SessionStatus | null = null;
let framesPerBlock: number | null = null;
let notice: Problem | null = null;
let isLoadingPreset = false;
let isSending = false;
let sound: SoundState = "off";
let initialState: StreamState = { name: "idle" }; // the stream's state before the preset is loaded

const view = new EditorView({
  start,
  stop: () => stream?.stop(),
  bannerAction: (action) => void handleBannerAction(action),
  sourceResized: () => stream?.limitEncoding(),
  frameShown: () => {
    frameMonitor.frameShown();
  },
});
const frameMonitor = new FrameMonitor(() => framesPerBlock, () => document.visibilityState === "visible", show);
const picker = new SourcePicker({ camera: isSecure, screen: isScreenSharingAllowed() }, pick);
const sessionTools = new SessionTools(api, view.framePairs);
new ConnectionCheckPanel(api);
const soundControls = new SoundControls((on) => stream?.setSoundEnabled(on));
const server = new ServerLink(api, {
  stream: () => stream,
  load: loadPreset,
  checked: (created) => sessionRestore.refresh(created),
  show,
});

/** Loads preset and schema; repeated after every server check until it succeeds. */
async function loadPreset(): Promise<void> {
  if (isLoadingPreset) return;
  isLoadingPreset = true;
  try {
    const [preset, schema] = await Promise.all([api.preset(), api.schema()]);
    view.showPreset(preset);
    framesPerBlock = preset.frames_per_block;
    controls = new Controls(preset, schema, {
      changed: (control, changes) => stream?.edits.change(control, changes),
      typed: (control, changes) => stream?.edits.settings.type(control, changes),
      dragged: (dragged) => stream?.edits.settings.drag(dragged),
    });
    stream = createStream(preset, api, streamEvents, [view.keepMasks, controls.regionMasks]);
    showSettings();
    if (!sessionRestore.restore(stream, picker, isSecure)) controls.applyLink(location.href);
  } catch (error) {
    initialState = { name: "failed", problem: problemOf(error) };
    if (error instanceof ApiError && error.status === 401) server.rejectToken();
  } finally {
    isLoadingPreset = false;
  }
}

function start(): void {
  if (picker.choice !== null) void stream?.start(picker.choice, sessionRestore.credentials);
}

const streamEvents: StreamEvents = {
  state: handleStreamState,
  source: handleSource,
  notice: (problem) => {
    notice = problem;
    show();
  },
  settingsChanged: show, // updates the pill and the sound too: `paused` is a setting
  sound: (state) => {
    sound = state;
    show();
  },
  result: view.showResult.bind(view),
  frameNamed: view.framePairs.frameNamed.bind(view.framePairs),
  status: (newest, link) => {
    status = newest;
    view.addTelemetry(newest, link, picker.kind);
    frameMonitor.telemetry(newest);
    show();
  },
};

function handleSource(source: Source | null): void {
  isSending = source !== null;
  view.showSource(source);
  if (source !== null) {
    picker.selectOpened(source);
    view.setSourceLabel(sourceLabel(source.choice));
  }
  if (source?.choice.kind === "camera") void refreshCameras();
  show();
}

function handleStreamState(state: StreamState): void {
  const { name } = state;
  if (name === "live") {
    sessionRestore.clear();
    frameMonitor.start();
  } else {
    status = null;
    frameMonitor.stop();
  }
  if (name === "reconnecting" || name === "failed") void server.check();
  if (name === "failed" && state.problem.kind === "access") server.rejectToken();
  sessionTools.show(name === "live" ? (stream?.credentials ?? null) : null);
  show();
}

function show(): void {
  const state = stream?.state ?? initialState;
  const isPaused = stream?.edits.settings.current.paused === true;
  view.show({
    access: server.role,
    presetLoaded: stream !== null,
    isSecure,
    sourceKind: picker.kind,
    isSourceChosen: picker.choice !== null,
    isSending,
    notice,
    hasSavedSession: sessionRestore.credentials !== null,
    server: server.server,
    stream: state,
    status,
    frames: frameMonitor.state,
    fit: stream?.edits.settings.current.fit ?? "crop",
    isPaused,
  });
  server.show();
  soundControls.show(sound, picker.kind, { isLive: state.name === "live", isPaused });
  showSettings();
}

function showSettings(): void {
  if (stream !== null) controls?.show({ settings: stream.edits.settings, state: stream.state.name });
}

async function refreshCameras(): Promise<void> {
  picker.showCameras(await listCameras());
}

/** Before the start the source is only selected; afterwards it replaces the current one. */
function pick(choice: SourceChoice): void {
  if (stream !== null && isRunning(stream.state)) {
    void stream.switchSource(choice);
    return;
  }
  picker.select(choice);
  view.setSourceLabel(sourceLabel(choice));
  show();
}

async function handleBannerAction(action: BannerAction): Promise<void> {
  if (action === "camera") pick(picker.camera);
  else if (action === "dismiss") stream?.dismiss();
  else await retry();
  show();
}

async function retry(): Promise<void> {
  await server.check();
  if (stream?.state.name === "failed") start();
  else stream?.retryNow();
}

if (isSecure) {
  void refreshCameras();
  onDevicesChanged(() => {
    void refreshCameras();
    stream?.devicesChanged();
  });
}
window.addEventListener("hashchange", () => {
  location.reload(); // a link with a token was entered
});
window.addEventListener("pagehide", () => {
  sessionRestore.save(stream, picker.kind);
});
void server.check();
