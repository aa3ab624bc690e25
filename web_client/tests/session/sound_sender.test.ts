import { expect, it } from "vitest";
import { advance, SCREEN, fixture } from "./stream_fixture";
import type { FakeMicrophone } from "./stream_fixture";

const microphone = (source: number): FakeMicrophone => fixture.sources[source]?.microphones[0] ?? expect.unreachable("no microphone was opened");

it("sound is not opened without the user's request", async () => {
  await fixture.goLive();
  expect([fixture.sources[0]?.microphones, fixture.peer.audio]).toEqual([[], null]);
});

it("sound is sent while the user has enabled it", async () => {
  await fixture.goLive();
  fixture.stream.setSoundEnabled(true);
  await advance(0);
  expect(fixture.peer.audio).toBe(microphone(0).track);
  expect(fixture.soundStates).toEqual(["waiting_for_source", "opening", "on"]);
  fixture.stream.setSoundEnabled(false);
  expect([fixture.peer.audio, microphone(0).closed, fixture.soundStates.at(-1)]).toEqual([null, true, "off"]);
});

it("sound enabled before the start is in the first offer, and in that of a reconnection", async () => {
  fixture.stream.setSoundEnabled(true);
  expect(fixture.soundStates.at(-1)).toBe("waiting_for_source");
  await fixture.goLive();
  expect(fixture.peer.audio).toBe(microphone(0).track);
  fixture.peer.events.lost("gone");
  await advance(500);
  expect([fixture.peers.length, fixture.peer.audio]).toEqual([2, microphone(0).track]);
});

it("sound follows a change of source", async () => {
  fixture.stream.setSoundEnabled(true);
  await fixture.goLive();
  await fixture.stream.switchSource(SCREEN);
  await advance(0);
  expect(fixture.peer.audio).toBe(microphone(1).track);
  expect(microphone(0).closed).toBe(true);
});

it("sound ends with the microphone, and with the session", async () => {
  fixture.stream.setSoundEnabled(true);
  await fixture.goLive();
  microphone(0).track.dispatchEvent(new Event("ended"));
  expect([fixture.peer.audio, fixture.soundStates.at(-1), fixture.notices.at(-1)]).toEqual([null, "off", "The microphone stopped"]);
  fixture.stream.setSoundEnabled(true);
  expect(fixture.notices.at(-1)).toBeNull(); // another attempt
  await advance(0);
  fixture.stream.stop();
  expect(fixture.sources[0]?.microphones.every(({ closed }) => closed)).toBe(true);
});

it("sound that is rejected leaves the stream live, and shows why", async () => {
  await fixture.goLive();
  const source = fixture.sources[0] ?? expect.unreachable();
  source.openSound = () => Promise.reject(new DOMException("", "NotAllowedError"));
  fixture.stream.setSoundEnabled(true);
  await advance(0);
  expect([fixture.notices.at(-1), fixture.soundStates.at(-1), fixture.stream.state.name]).toEqual(["The microphone is blocked", "off", "live"]);
});

it("sound that opens after it was disabled is closed", async () => {
  await fixture.goLive();
  fixture.stream.setSoundEnabled(true);
  fixture.stream.setSoundEnabled(false);
  await advance(0);
  expect([fixture.peer.audio, microphone(0).closed]).toEqual([null, true]);
});
