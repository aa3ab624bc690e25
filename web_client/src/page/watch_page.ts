// Creates and connects the parts of a viewer's page.

import { ApiClient } from "../api/client";
import { KeepMasks } from "../media/keep_masks";
import { WhepPlayer } from "../media/whep_player";
import { storedToken } from "../session/access";
import { Viewer } from "../session/viewer";
import { parseWatchLink, watchOptions } from "../session/watch_link";
import { CleanOutput } from "./clean_output";
import { watchOverlay } from "./watch_overlay";
import { WatchView } from "./watch_view";

const api = new ApiClient();
const { id, view_token } = parseWatchLink(location.href) ?? { id: "", view_token: "" };
api.token = view_token === "" ? storedToken(window.sessionStorage) : view_token; // an editor's or admin's token may also watch

const options = watchOptions(location.href);
const clean = options.clean ? new CleanOutput(options, retry) : null;
const masks = new KeepMasks();
const overlay = watchOverlay(options, masks);
const view = new WatchView({
  retry,
  frameShown: () => {
    viewer.frameShown();
  },
});
const viewer = new Viewer(
  async (events) => new WhepPlayer(`api/v1/whep/${encodeURIComponent(id)}`, api.token ?? "", await api.iceServers(id), events, [masks]),
  {
    state: (state) => {
      view.show(state);
      clean?.show(state);
    },
    video: (stream) => {
      view.showVideo(stream);
      overlay.resultChanged();
      clean?.showVideo();
    },
  },
);

function retry(): void {
  viewer.retry();
}

window.addEventListener("pagehide", () => {
  viewer.stop();
});
window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted) void viewer.start(); // restored from the back/forward cache
});
window.addEventListener("hashchange", () => {
  location.reload(); // another link was pasted over this one
});
void viewer.start();
