import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiError, ServerUnreachable } from "../../src/api/client";
import type { WhepEvents } from "../../src/media/whep_player";
import { Viewer } from "../../src/session/viewer";
import type { Player } from "../../src/session/viewer";

class FakePlayer implements Player {
  closed = false;
  constructor(
    readonly events: WhepEvents,
    private readonly rejection: Error | null,
  ) {}
  open = (): Promise<void> => (this.rejection === null ? Promise.resolve() : Promise.reject(this.rejection));
  close = (): void => {
    this.closed = true;
  };
}

const states: string[] = [];
let players: FakePlayer[] = [];
let rejection: Error | null = null;
let viewer: Viewer;
const advance = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers();
  states.length = 0;
  players = [];
  rejection = null;
  viewer = new Viewer(
    (events) => {
      const player = new FakePlayer(events, rejection);
      players.push(player);
      return Promise.resolve(player);
    },
    { state: ({ name }) => states.push(name), video: () => undefined },
  );
});

afterEach(() => {
  viewer.stop();
  vi.useRealTimers();
});

it("goes live with the first frame, reports a stall, and closes its player", async () => {
  void viewer.start();
  await advance(0);
  viewer.frameShown();
  await advance(2000);
  viewer.frameShown();
  await advance(2000);
  expect(states).toEqual(["connecting", "live"]);
  await advance(2000);
  viewer.frameShown();
  expect(states).toEqual(["connecting", "live", "stalled", "live"]);
  viewer.stop();
  expect(players.map(({ closed }) => closed)).toEqual([true]);
});

it("retries while nothing is live, after the server's Retry-After, and after a loss", async () => {
  rejection = new ApiError(409, "nothing is live", null, 3000);
  void viewer.start();
  await advance(2900);
  expect([viewer.state.name, players.length]).toEqual(["waiting", 1]);
  rejection = null;
  await advance(200);
  viewer.frameShown();
  expect([viewer.state.name, players.length]).toEqual(["live", 2]);
  players[1]?.events.lost("the connection failed");
  await advance(0);
  expect(viewer.state).toMatchObject({ name: "waiting", title: "The picture was lost" });
  expect(players[1]?.closed).toBe(true);
  await advance(500);
  viewer.frameShown();
  expect([viewer.state.name, players.length]).toEqual(["live", 3]);
});

it.each<[Error, string]>([
  [new ApiError(404, "not known"), "Nothing is live at this link"],
  [new ApiError(503, "all 16 viewer slots are taken"), "The server can't show it now"],
  [new ServerUnreachable(null), "The server does not respond"],
])("waits on %s", async (error, title) => {
  rejection = error;
  void viewer.start();
  await advance(0);
  expect(viewer.state).toMatchObject({ name: "waiting", title });
  viewer.retry();
  await advance(0);
  expect(players).toHaveLength(2);
});

it("stops on a wrong link, and can be retried", async () => {
  rejection = new ApiError(401, "the bearer token is missing or wrong");
  void viewer.start();
  await advance(60_000);
  expect([viewer.state.name, players.length]).toEqual(["failed", 1]);
  rejection = null;
  viewer.retry();
  await advance(0);
  viewer.frameShown();
  expect(viewer.state.name).toBe("live");
});
