import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { passing, SCREEN, World } from "./world";
import type { FakeMicrophone } from "./world";

let world: World;

beforeEach(() => {
  vi.useFakeTimers();
  world = new World();
});

afterEach(() => {
  vi.useRealTimers();
});

const microphone = (source: number): FakeMicrophone => world.sources[source]?.microphones[0] ?? expect.unreachable("no microphone was asked for");

it("is never asked for by itself", async () => {
  await world.goLive();
  expect([world.sources[0]?.microphones, world.peer.audio]).toEqual([[], null]);
});

it("is sent from when its user says so, until then no more", async () => {
  await world.goLive();
  world.session.switchSound(true);
  await passing(0);
  expect(world.peer.audio).toBe(microphone(0).track);
  expect(world.sounds).toEqual(["wanted", "asking", "on"]);
  world.session.switchSound(false);
  expect([world.peer.audio, microphone(0).closed, world.sounds.at(-1)]).toEqual([null, true, "off"]);
});

it("that is wanted before the start is in the first offer, and in that of a reconnection", async () => {
  world.session.switchSound(true);
  expect(world.sounds.at(-1)).toBe("wanted");
  await world.goLive();
  expect(world.peer.audio).toBe(microphone(0).track);
  world.peer.events.lost("gone");
  await passing(500);
  expect([world.peers.length, world.peer.audio]).toEqual([2, microphone(0).track]);
});

it("is that of the source that is sent", async () => {
  world.session.switchSound(true);
  await world.goLive();
  await world.session.switchSource(SCREEN);
  await passing(0);
  expect(world.peer.audio).toBe(microphone(1).track);
  expect(microphone(0).closed).toBe(true);
});

it("ends with the session, and with the microphone", async () => {
  world.session.switchSound(true);
  await world.goLive();
  microphone(0).track.dispatchEvent(new Event("ended"));
  expect([world.peer.audio, world.sounds.at(-1), world.notices.at(-1)]).toEqual([null, "off", "The microphone stopped"]);
  world.session.switchSound(true);
  expect(world.notices.at(-1)).toBeNull(); // another try
  await passing(0);
  world.session.stop();
  expect(world.sources[0]?.microphones.every(({ closed }) => closed)).toBe(true);
});

it("that is refused leaves the picture live, and says why", async () => {
  await world.goLive();
  const source = world.sources[0] ?? expect.unreachable();
  source.openSound = () => Promise.reject(new DOMException("", "NotAllowedError"));
  world.session.switchSound(true);
  await passing(0);
  expect([world.notices.at(-1), world.sounds.at(-1), world.session.state.name]).toEqual(["The microphone is blocked", "off", "live"]);
});

it("that comes too late for its wish is closed", async () => {
  await world.goLive();
  world.session.switchSound(true);
  world.session.switchSound(false);
  await passing(0);
  expect([world.peer.audio, microphone(0).closed]).toEqual([null, true]);
});
