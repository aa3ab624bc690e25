// Wires the editor's page: none of its parts knows another.

import { Api, Refused, Unreachable } from "./api";
import { cameraIsAllowed, listCameras, onDevicesChanged } from "./camera";
import { Controls } from "./controls";
import { Memory } from "./memory";
import type { Kept } from "./memory";
import { Peer } from "./peer";
import { problemOf } from "./problems";
import type { Problem } from "./problems";
import type { Preset, Status } from "./protocol";
import { screenIsAllowed } from "./screen";
import { ServerWatch } from "./server_watch";
import { PageAccess, tokenOf } from "./session/access";
import { Pictures } from "./session/pictures";
import { Session } from "./session/session";
import type { SessionState } from "./session/session_state";
import { ShareView } from "./share_view";
import type { SoundState } from "./session/sound";
import { SoundControls } from "./sound_controls";
import { nameOf, openSource } from "./source";
import type { SourceChoice } from "./source";
import { sessionName } from "./share_link";
import { SourcePicker } from "./source_picker";
import { startLabel } from "./status_text";
import type { BannerAction } from "./status_text";
import { TokenForm } from "./token_form";
import { View } from "./view";

const api = new Api();
const { token, rest } = tokenOf(location.href);
if (rest !== location.href) history.replaceState(null, "", rest); // a token stands in no address longer than it must
const access = new PageAccess(api, window.sessionStorage, () => void afterAccess());
if (token !== null) access.use(token);
const secure = cameraIsAllowed();
const memory = new Memory(window.sessionStorage);
let session: Session | null = null; // from when the preset is known
let controls: Controls | null = null;
let status: Status | null = null;
let framesPerBlock: number | null = null;
let notice: Problem | null = null;
let isPreparing = false;
let sends = false;
let sound: SoundState = "off";
let kept: Kept | null = null; // a session that a reload left, until there is a source for it
let unprepared: SessionState = { name: "idle" }; // what there is instead of a session's state until then

const view = new View({
  start,
  stop: () => session?.stop(),
  banner: (action) => void answerBanner(action),
  resized: () => session?.fit(),
  shown: () => {
    pictures.shown();
  },
});
const pictures = new Pictures(() => framesPerBlock, () => document.visibilityState === "visible", show);
const picker = new SourcePicker({ camera: secure, screen: screenIsAllowed() }, pick);
const share = new ShareView();
const soundControls = new SoundControls((on) => session?.switchSound(on));
const tokenForm = new TokenForm(
  {
    token: (token) => void access.enter(token).catch(noAnswer),
    forget: () => {
      session?.stop();
      access.forget();
    },
  },
  () => api.token,
);
const watch = new ServerWatch(
  () => api.readiness(),
  () => session?.state.name === "reconnecting",
  { checked: () => void afterCheck(), ready: afterReady },
);

/** What failed for want of a server has another chance; what was said of it is true no more. */
function afterReady(): void {
  const state = session?.state;
  if (state?.name === "failed" && ["server", "busy"].includes(state.problem.kind)) session?.stop();
  session?.retryNow();
}

async function afterCheck(): Promise<void> {
  if (watch.state.name !== "gone" && access.state.name === "unknown") await access.check().catch(noAnswer);
  if (watch.state.name !== "gone" && access.state.name === "given" && session === null) await prepare();
  if (kept !== null) await lookAfter(kept);
  show();
}

async function afterAccess(): Promise<void> {
  if (access.state.name === "given" && session === null) await prepare();
  if (access.state.name === "given" && session?.state.name === "failed" && session.state.problem.kind === "access") session.stop();
  show();
}

/** The next check asks again. */
function noAnswer(error: unknown): void {
  if (!(error instanceof Unreachable)) throw error;
  void watch.check();
}

/** Presets and ranges come from the server: without them there is nothing to set. Every check tries again. */
async function prepare(): Promise<void> {
  if (isPreparing) return;
  isPreparing = true;
  try {
    const [preset, schema] = await Promise.all([api.preset(), api.schema()]);
    view.showPreset(preset);
    framesPerBlock = preset.frames_per_block;
    controls = new Controls(preset, schema, {
      change: (control, changes) => session?.edits.change(control, changes),
      type: (control, changes) => session?.edits.settings.type(control, changes),
      grab: (held) => session?.edits.settings.grab(held),
    });
    session = makeSession(preset);
    showSettings();
    comeBack(session);
  } catch (error) {
    unprepared = { name: "failed", problem: problemOf(error) };
    if (error instanceof Refused && error.status === 401) access.refused();
  } finally {
    isPreparing = false;
  }
}

/** A camera opens by itself after a reload; a screen and a file have to be chosen again, and then no camera opens. */
function comeBack(session: Session): void {
  const left = memory.take();
  if (left === null) return;
  if (left.ended) {
    session.remember(left.place);
    return;
  }
  picker.expect(left.kind);
  if (left.kind === "camera" && secure) void session.start(picker.camera, left.place);
  else kept = left;
}

/** A session that waits is as others have set it meanwhile, and may be over. */
async function lookAfter({ place }: Kept): Promise<void> {
  try {
    const { parameters } = await api.session(place);
    if (kept !== null && session?.state.name === "idle") session.edits.settings.expect(parameters);
  } catch (error) {
    if (!(error instanceof Refused)) return; // no answer says nothing of it
    session?.remember(place);
    kept = null;
  }
}

function start(): void {
  if (picker.choice !== null) void session?.start(picker.choice, kept?.place ?? null);
}

function makeSession(preset: Preset): Session {
  return new Session(
    {
      preset,
      name: sessionName(location.href),
      api,
      openSource: (choice, sound) => openSource(choice, preset, sound),
      openPeer: (video, audio, iceServers, events) => new Peer(video, audio, iceServers, preset, events),
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
      settings: show, // the pill and the sound too: a pause is a setting
      sound: (state) => {
        sound = state;
        show();
      },
      result: (stream) => {
        view.showResult(stream);
      },
      status: (newest) => {
        status = newest;
        pictures.telemetry(newest);
        show();
      },
    },
  );
}

function afterState(state: SessionState): void {
  const { name } = state;
  if (name === "live") {
    kept = null;
    pictures.begin();
  } else {
    status = null;
    pictures.end();
  }
  if (name === "reconnecting" || name === "failed") void watch.check();
  if (name === "failed" && state.problem.kind === "access") access.refused();
  share.show(name === "live" ? (session?.place ?? null) : null);
  show();
}

function show(): void {
  const state = session?.state ?? unprepared;
  const chosen = picker.choice !== null;
  view.showSituation({
    access: access.state.name,
    prepared: session !== null,
    ...{ secure, choice: picker.kind, chosen, sends, notice, kept: kept !== null, server: watch.state, session: state },
    ...{ status, pictures: pictures.state, paused: session?.edits.settings.held.paused === true },
  });
  tokenForm.show(access.state);
  soundControls.show(sound, picker.kind, { isLive: state.name === "live", isPaused: session?.edits.settings.held.paused === true });
  showSettings();
}

function showSettings(): void {
  if (session !== null) controls?.show({ settings: session.edits.settings, state: session.state.name });
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
  else if (action === "dismiss") session?.dismiss();
  else await again();
  show();
}

async function again(): Promise<void> {
  await watch.check();
  if (session?.state.name === "failed") start();
  else session?.retryNow();
}

if (secure) {
  void showCameras();
  onDevicesChanged(() => {
    void showCameras();
    session?.devicesChanged();
  });
}
window.addEventListener("hashchange", () => {
  location.reload(); // a link with a token was pasted over this one
});
window.addEventListener("pagehide", () => {
  const left = session?.leave() ?? null;
  const best = left?.ended === false ? left : (kept ?? left);
  if (best !== null) memory.keep({ ...best, kind: picker.kind });
});
void watch.check();
