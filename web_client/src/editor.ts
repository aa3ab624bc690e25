// Wires the editor's page: none of its parts knows another.

import { Api } from "./api";
import { cameraIsAllowed, listCameras } from "./camera";
import { Controls } from "./controls";
import { Memory } from "./memory";
import { Peer } from "./peer";
import { problemOf } from "./problems";
import type { Problem } from "./problems";
import type { Place, Preset, Status } from "./protocol";
import { screenIsAllowed } from "./screen";
import { ServerWatch } from "./server_watch";
import { Session } from "./session";
import type { SessionState } from "./session";
import { ShareView } from "./share_view";
import { nameOf, openSource } from "./source";
import type { SourceChoice } from "./source";
import { SourcePicker } from "./source_picker";
import { startLabel } from "./status_text";
import type { BannerAction } from "./status_text";
import { View } from "./view";

const api = new Api();
const secure = cameraIsAllowed();
const memory = new Memory(window.sessionStorage);
let session: Session | null = null; // from when the preset is known
let controls: Controls | null = null;
let status: Status | null = null;
let notice: Problem | null = null;
let sends = false;
let kept: Place | null = null; // a session that a reload left, until there is a source for it
let unprepared: SessionState = { name: "idle" }; // what there is instead of a session's state until then

const view = new View({
  start: () => void session?.start(picker.choice, kept),
  stop: () => session?.stop(),
  banner: (action) => void answerBanner(action),
  resized: () => session?.fit(),
});
const picker = new SourcePicker({ camera: secure, screen: screenIsAllowed() }, pick);
const share = new ShareView();
const watch = new ServerWatch(
  () => api.readiness(),
  () => void afterCheck(),
);

async function afterCheck(): Promise<void> {
  if (session === null && watch.state.name !== "gone") await prepare();
  const state = session?.state;
  if (watch.state.name === "ready" && state?.name === "failed" && state.problem.kind === "server") session?.stop();
  show();
}

/** Presets and ranges come from the server: without them there is nothing to set. Every check tries again. */
async function prepare(): Promise<void> {
  try {
    const [preset, schema] = await Promise.all([api.preset(), api.schema()]);
    view.showPreset(preset);
    controls = new Controls(preset, schema, {
      change: (control, changes) => session?.change(control, changes),
    });
    session = makeSession(preset);
    comeBack(session);
  } catch (error) {
    unprepared = { name: "failed", problem: problemOf(error) };
  }
}

/** A camera opens by itself after a reload; a screen and a file have to be chosen again. */
function comeBack(session: Session): void {
  const { place, kind } = memory.take() ?? { place: null, kind: null };
  if (kind === "camera" && secure) void session.start(picker.choice, place);
  else kept = place;
  if (kind === "screen") pick({ kind });
}

function makeSession(preset: Preset): Session {
  return new Session(
    {
      preset,
      api,
      openSource: (choice) => openSource(choice, preset),
      openPeer: (video, iceServers, events) => new Peer(video, iceServers, preset, events),
    },
    {
      state: afterState,
      source: (source) => {
        sends = source !== null;
        view.showSource(source?.stream ?? null);
        if (source !== null) {
          picker.showSource(source);
          view.nameSource(nameOf(source.choice));
        }
        if (source?.choice.kind === "camera") void showCameras();
        show();
      },
      notice: (problem) => {
        notice = problem;
        show();
      },
      resumed: (parameters) => controls?.show(parameters),
      result: (stream) => {
        view.showResult(stream);
      },
      status: (newest) => {
        status = newest;
        view.showStatus(newest);
        show();
      },
      outcome: (control, outcome) => controls?.showOutcome(control, outcome),
    },
  );
}

function afterState({ name }: SessionState): void {
  if (name !== "live") status = null;
  if (name === "live") kept = null;
  if (name === "opening") controls?.startAnew();
  if (name === "reconnecting" || name === "failed") void watch.check();
  controls?.enableActions(name === "live");
  share.show(name === "live" ? (session?.place ?? null) : null);
  show();
}

function show(): void {
  const state = session?.state ?? unprepared;
  const choice = picker.choice.kind;
  view.showSituation({ secure, choice, sends, notice, kept: kept !== null, server: watch.state, session: state, status });
}

async function showCameras(): Promise<void> {
  picker.showCameras(await listCameras());
}

/** Before a start a source is only chosen; afterwards it takes the place of the one that there is. */
function pick(choice: SourceChoice): void {
  if (session !== null && startLabel(session.state) === "Stop") {
    void session.switchSource(choice);
    return;
  }
  picker.show(choice);
  view.nameSource(nameOf(choice));
  show();
}

async function answerBanner(action: BannerAction): Promise<void> {
  if (action === "camera") pick(picker.camera);
  else if (action === "dismiss") notice = null;
  else await again();
  show();
}

async function again(): Promise<void> {
  await watch.check();
  if (session?.state.name === "failed") await session.start(picker.choice, kept);
  else session?.retryNow();
}

if (secure) {
  void showCameras();
  navigator.mediaDevices.addEventListener("devicechange", () => void showCameras());
}
window.addEventListener("pagehide", () => {
  const place = session?.leave() ?? kept;
  if (place !== null) memory.keep({ place, kind: picker.choice.kind });
});
void watch.check();
