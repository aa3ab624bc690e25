import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Refused, Unreachable } from "../src/api";
import { parseLink, shareLink } from "../src/share_link";
import { Watching } from "../src/watching";
import type { Player } from "../src/watching";
import type { WhepEvents } from "../src/whep";

class FakePlayer implements Player {
  closed = false;
  constructor(
    readonly events: WhepEvents,
    private readonly refuse: Error | null,
  ) {}
  open = (): Promise<void> => (this.refuse === null ? Promise.resolve() : Promise.reject(this.refuse));
  close = (): void => {
    this.closed = true;
  };
}

const states: string[] = [];
let players: FakePlayer[] = [];
let refuse: Error | null = null;
let watching: Watching;
const passing = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers();
  states.length = 0;
  [players, refuse] = [[], null];
  watching = new Watching(
    (events) => {
      const player = new FakePlayer(events, refuse);
      players.push(player);
      return Promise.resolve(player);
    },
    { state: ({ name }) => states.push(name), video: () => undefined },
  );
});

afterEach(() => {
  watching.stop();
  vi.useRealTimers();
});

it("goes live with the first picture, says when none comes, and leaves", async () => {
  void watching.start();
  await passing(0);
  watching.seen();
  await passing(2000);
  watching.seen();
  await passing(2000);
  expect(states).toEqual(["connecting", "live"]);
  await passing(2000);
  watching.seen();
  expect(states).toEqual(["connecting", "live", "still", "live"]);
  watching.stop();
  expect(players.map(({ closed }) => closed)).toEqual([true]);
});

it("tries again by itself while nothing is live, when the server likes, and after a loss", async () => {
  refuse = new Refused(409, "nothing is live", null, 3000);
  void watching.start();
  await passing(2900);
  expect([watching.state.name, players.length]).toEqual(["waiting", 1]);
  refuse = null;
  await passing(200);
  watching.seen();
  expect([watching.state.name, players.length]).toEqual(["live", 2]);
  players[1]?.events.lost("the connection failed");
  await passing(0);
  expect(watching.state).toMatchObject({ name: "waiting", title: "The picture was lost" });
  expect(players[1]?.closed).toBe(true);
  await passing(500);
  watching.seen();
  expect([watching.state.name, players.length]).toEqual(["live", 3]);
});

it.each<[Error, string]>([
  [new Refused(404, "not known"), "Nothing is live at this link"],
  [new Refused(503, "all 16 places to watch are taken"), "The server can't show it now"],
  [new Unreachable(null), "The server does not answer"],
])("waits on %s", async (error, title) => {
  refuse = error;
  void watching.start();
  await passing(0);
  expect(watching.state).toMatchObject({ name: "waiting", title });
  watching.again();
  await passing(0);
  expect(players).toHaveLength(2);
});

it("gives up where the link is wrong, and can be asked again", async () => {
  refuse = new Refused(401, "the bearer token is missing or wrong");
  void watching.start();
  await passing(60_000);
  expect([watching.state.name, players.length]).toEqual(["failed", 1]);
  refuse = null;
  watching.again();
  await passing(0);
  watching.seen();
  expect(watching.state.name).toBe("live");
});

it("a link carries the session in its query and the token in its fragment", () => {
  const view = { id: "studio-1", view_token: "a b&c" };
  const link = shareLink("https://host:8000/?watch=other#token=x", view);
  expect(link).toMatch(/^https:\/\/host:8000\/\?watch=studio-1#token=/);
  expect(parseLink(link)).toEqual(view);
  expect(parseLink("https://host/?watch=studio")).toEqual({ id: "studio", view_token: "" });
  expect(parseLink("https://host/")).toBeNull();
});
