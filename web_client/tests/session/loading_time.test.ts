import { expect, it } from "vitest";
import { LoadingTime } from "../../src/session/loading_time";

it("the remaining time follows the last load that this browser saw", () => {
  const items = new Map<string, string>();
  const storage = { getItem: (name: string) => items.get(name) ?? null, setItem: (name: string, value: string) => void items.set(name, value) };
  const loading = new LoadingTime(storage);
  expect(loading.progress(3)).toEqual({ elapsed_s: 3, left_s: null });
  loading.progress(12.4);
  loading.finished();
  const next = new LoadingTime(storage);
  next.finished(); // ready already: nothing was measured
  expect(next.progress(2)).toEqual({ elapsed_s: 2, left_s: 10 });
  expect(next.progress(30)).toEqual({ elapsed_s: 30, left_s: null });
  expect(next.progress(null)).toBeNull();
});
