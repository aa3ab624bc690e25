import { expect, it } from "vitest";
import { parseWatchLink, sessionName, watchLink } from "../../src/session/watch_link";

it("a watch link has the session in its query and the token in its fragment", () => {
  const target = { id: "studio-1", view_token: "a b&c" };
  const link = watchLink("https://host:8000/?watch=other#token=x", target);
  expect(link).toMatch(/^https:\/\/host:8000\/\?watch=studio-1#token=/);
  expect(parseWatchLink(link)).toEqual(target);
  expect(parseWatchLink("https://host/?watch=studio")).toEqual({ id: "studio", view_token: "" });
  expect(parseWatchLink("https://host/")).toBeNull();
});

it("the page's address may contain a session id", () => {
  expect(sessionName("http://127.0.0.1:8000/?session=studio")).toBe("studio");
  expect(sessionName("http://127.0.0.1:8000/")).toBeNull();
});
