// Wires a viewer's page.

import { Api } from "./api";
import { parseLink } from "./share_link";
import { tokenIn } from "./session/access";
import { WatchView } from "./watch_view";
import { Watching } from "./watching";
import { Whep } from "./whep";

const api = new Api();
const { id, view_token } = parseLink(location.href) ?? { id: "", view_token: "" };
api.token = view_token === "" ? tokenIn(window.sessionStorage) : view_token; // whoever may edit may watch, too

const view = new WatchView({
  again: () => {
    watching.again();
  },
  seen: () => {
    watching.seen();
  },
});
const watching = new Watching(
  async (events) => new Whep(`api/v1/whep/${encodeURIComponent(id)}`, api.token ?? "", await api.iceServers(id), events),
  {
    state: (state) => {
      view.show(state);
    },
    video: (stream) => {
      view.showVideo(stream);
    },
  },
);

window.addEventListener("pagehide", () => {
  watching.stop();
});
window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted) void watching.start(); // back from the browser's memory
});
window.addEventListener("hashchange", () => {
  location.reload(); // another link was pasted over this one
});
void watching.start();
