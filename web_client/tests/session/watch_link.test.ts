import { expect, it } from "vitest";
import { cleanLink, parseWatchLink, sessionName, watchLink, watchOptions } from "../../src/session/watch_link";

it("a watch link has the session in its query and the token in its fragment", () => {
  const target = { id: "studio-1", view_token: "a b&c" };
  const link = watchLink("https://host:8000/?watch=other#token=x", target);
  expect(link).toMatch(/^https:\/\/host:8000\/\?watch=studio-1#token=/);
  expect(parseWatchLink(link)).toEqual(target);
  expect(parseWatchLink("https://host/?watch=studio")).toEqual({ id: "studio", view_token: "" });
  expect(parseWatchLink("https://host/")).toBeNull();
});

it("a link to the picture alone keeps session and token", () => {
  const link = cleanLink(watchLink("https://host:8000/", { id: "studio-1", view_token: "a b" }));
  expect(parseWatchLink(link)).toEqual({ id: "studio-1", view_token: "a b" });
  expect(watchOptions(link)).toEqual({ clean: true, overlay: false, background: "transparent", sound: false });
  expect(watchOptions("https://host/?watch=a&clean&overlay&background=black&sound")).toEqual({ clean: true, overlay: true, background: "black", sound: true });
  expect(watchOptions("https://host/?watch=a").clean).toBe(false);
});

it("the page's address may contain a session id", () => {
  expect(sessionName("http://127.0.0.1:8000/?session=studio")).toBe("studio");
  expect(sessionName("http://127.0.0.1:8000/")).toBeNull();
});
