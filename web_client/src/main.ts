// Wires the parts: none of them knows another.

import { Api } from "./api";
import { cameraIsAllowed, listCameras, openCamera } from "./camera";
import { Controls } from "./controls";
import { Peer } from "./peer";
import { Memory } from "./memory";
import { problemOf } from "./problems";
import type { Preset, Status } from "./protocol";
import { ServerWatch } from "./server_watch";
import { Session } from "./session";
import type { SessionState } from "./session";
import { View } from "./view";

const api = new Api();
const secure = cameraIsAllowed();
const memory = new Memory(window.sessionStorage);
let session: Session | null = null; // from when the preset is known
let controls: Controls | null = null;
let status: Status | null = null;
let unprepared: SessionState = { name: "idle" }; // what there is instead of a session's state until then

const view = new View({
  start: (deviceId) => void session?.start(deviceId),
  stop: () => session?.stop(),
  pickCamera: (deviceId) => void session?.switchCamera(deviceId),
  again: () => void again(),
});
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
    const place = secure ? memory.take() : null;
    if (place !== null) void session.start(view.deviceId, place);
  } catch (error) {
    unprepared = { name: "failed", problem: problemOf(error) };
  }
}

function makeSession(preset: Preset): Session {
  return new Session(
    {
      preset,
      api,
      openCamera: (deviceId) => openCamera(deviceId, preset),
      openPeer: (camera, iceServers, events) => new Peer(camera, iceServers, preset, events),
    },
    {
      state: afterState,
      camera: (stream) => {
        view.showSource(stream);
        if (stream !== null) void showCameras();
      },
      resumed: (parameters) => controls?.show(parameters),
      result: (stream) => {
        view.showResult(stream);
      },
      status: (newest) => {
        status = newest;
        view.showStats(newest.stats);
        show();
      },
      outcome: (control, outcome) => controls?.showOutcome(control, outcome),
    },
  );
}

function afterState(): void {
  const name = session?.state.name;
  if (name !== "live") status = null;
  if (name === "asking-camera") controls?.startAnew();
  if (name === "reconnecting" || name === "failed") void watch.check();
  controls?.enableActions(name === "live");
  show();
}

function show(): void {
  const state = session?.state ?? unprepared;
  view.showSituation({ secure, server: watch.state, session: state, status });
}

async function showCameras(): Promise<void> {
  view.showCameras(await listCameras());
}

async function again(): Promise<void> {
  await watch.check();
  if (session?.state.name === "failed") await session.start(view.deviceId);
  else session?.retryNow();
}

if (secure) {
  void showCameras();
  navigator.mediaDevices.addEventListener("devicechange", () => void showCameras());
}
window.addEventListener("pagehide", () => {
  const place = session?.leave() ?? null;
  if (place !== null) memory.keep(place);
});
void watch.check();
