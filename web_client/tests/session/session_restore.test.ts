import { beforeEach, expect, it } from "vitest";
import { ApiError, ServerUnreachable } from "../../src/api/client";
import type { Parameters } from "../../src/api/protocol";
import type { SourceKind } from "../../src/media/source";
import { SessionRestore } from "../../src/session/session_restore";
import { SessionStore } from "../../src/session/session_store";
import { advance, CAMERA, PARAMETERS, fixture } from "./stream_fixture";

const credentials = { id: "old", token: "t", view_token: "v" };
const entries = new Map<string, string>();
const store = new SessionStore({
  getItem: (key) => entries.get(key) ?? null,
  setItem: (key, value) => void entries.set(key, value),
  removeItem: (key) => void entries.delete(key),
});
const selected: SourceKind[] = [];
const picker = { camera: CAMERA, preselect: (kind: SourceKind) => selected.push(kind) };
let response: Parameters | Error;
let restore: SessionRestore;

beforeEach(() => {
  entries.clear();
  selected.length = 0;
  response = PARAMETERS;
  restore = new SessionRestore(store, { session: () => (response instanceof Error ? Promise.reject(response) : Promise.resolve({ parameters: response })) });
});

it("a session with a camera is resumed at once", async () => {
  store.save({ credentials, sourceKind: "camera", ended: false });
  restore.restore(fixture.stream, picker, true);
  await advance(0);
  expect([fixture.server.resumes, selected, restore.credentials]).toEqual([["old t"], ["camera"], null]);
});

it("a session with a screen waits, with the parameters of the server", async () => {
  store.save({ credentials, sourceKind: "screen", ended: false });
  restore.restore(fixture.stream, picker, true);
  expect([fixture.server.resumes, selected, restore.credentials]).toEqual([[], ["screen"], credentials]);
  response = { ...PARAMETERS, seed: 5 };
  await restore.refresh(fixture.stream);
  expect(fixture.settings.shown.seed).toBe(5);
  restore.save(fixture.stream, "screen");
  expect(store.take()).toEqual({ credentials, sourceKind: "screen", ended: false });
});

it("a waiting session that has ended leaves its links; one without a response is kept", async () => {
  store.save({ credentials, sourceKind: "file", ended: false });
  restore.restore(fixture.stream, picker, true);
  response = new ServerUnreachable(null);
  await restore.refresh(fixture.stream);
  expect(restore.credentials).toEqual(credentials);
  response = new ApiError(404, "not known");
  await restore.refresh(fixture.stream);
  expect(restore.credentials).toBeNull();
  restore.save(fixture.stream, "file");
  expect(store.take()).toEqual({ credentials, sourceKind: "file", ended: true });
});
