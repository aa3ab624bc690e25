import { expect, it } from "vitest";
import { ApiError, ServerUnreachable } from "../../src/api/client";
import type { Readiness } from "../../src/api/protocol";
import type { IceReach } from "../../src/media/ice_check";
import { checkCamera, checkCodecs, checkNetwork, checkRoundTrip, checkServer } from "../../src/session/connection_check";
import type { BrowserFacts, CheckedServer } from "../../src/session/connection_check";

const FACTS: BrowserFacts = { isCameraAllowed: true, permission: "granted", cameras: 1, codecs: ["video/h264", "video/vp8"] };

function server(readiness: Readiness | Error): CheckedServer {
  return {
    readiness: () => (readiness instanceof Error ? Promise.reject(readiness) : Promise.resolve(readiness)),
    iceServers: () => Promise.resolve([]),
  };
}

it("a camera that cannot be used is a note, since a screen or file can be sent", () => {
  expect(checkCamera(FACTS).level).toBe("ok");
  expect(checkCamera({ ...FACTS, permission: "prompt" })).toMatchObject({ level: "ok", text: expect.stringContaining("will ask") as string });
  for (const facts of [{ permission: "denied" as const }, { cameras: 0 }, { isCameraAllowed: false }]) {
    const { level, remedy } = checkCamera({ ...FACTS, ...facts });
    expect([level, remedy]).toEqual(["warn", expect.stringContaining("a file")]);
  }
});

it("a browser without the server's codecs fails", () => {
  expect(checkCodecs(FACTS).level).toBe("ok");
  expect(checkCodecs({ ...FACTS, codecs: ["video/vp8"] }).level).toBe("warn");
  expect(checkCodecs({ ...FACTS, codecs: ["video/av1"] }).level).toBe("fail");
});

it("a server that loads is a note with its reason, one that does not respond a failure", async () => {
  expect((await checkServer(server({ ready: true }))).level).toBe("ok");
  const loading = await checkServer(server({ ready: false, reason: "the model is loading", loading_s: 3 }));
  expect([loading.level, loading.text]).toEqual(["warn", "The server is not ready: the model is loading."]);
  expect((await checkServer(server(new ServerUnreachable(null)))).text).toBe("The server does not respond.");
  expect((await checkServer(server(new ApiError(500, "broken")))).text).toContain("broken");
});

it("the round trip is the shortest of several", async () => {
  const times = [0, 900, 0, 40, 0, 50, 0, 60, 0, 70];
  expect(await checkRoundTrip(server({ ready: true }), () => times.shift() ?? 0)).toMatchObject({ level: "ok", text: "A request takes 40 ms." });
  let now = 0;
  expect((await checkRoundTrip(server({ ready: true }), () => (now += 400))).level).toBe("warn");
  expect((await checkRoundTrip(server(new ServerUnreachable(null)), () => 0)).level).toBe("fail");
});

it.each<[RTCIceCandidateType[], "none" | "silent" | "responds", boolean, string, string]>([
  [["host"], "none", false, "ok", "direct"],
  [["host", "srflx"], "responds", false, "ok", "UDP works"],
  [["host"], "responds", false, "ok", "UDP works"], // with this device's own address, without NAT
  [["host"], "silent", false, "warn", "STUN server does not respond"],
  [["host", "srflx"], "responds", true, "warn", "TURN server does not respond"],
  [["host", "relay"], "silent", true, "ok", "will relay"],
  [["host", "srflx", "relay"], "responds", true, "ok", "UDP works, and"],
  [[], "silent", true, "fail", "allows no connection"],
])("the candidates %s with stun %s and turn %s are %s", async (candidates, stun, turn, level, text) => {
  const reach: IceReach = { candidates, stun: stun !== "none", stunResponds: stun === "responds", turn };
  const result = await checkNetwork(server({ ready: true }), () => Promise.resolve(reach));
  expect(result.level).toBe(level);
  expect(result.text).toContain(text);
});
