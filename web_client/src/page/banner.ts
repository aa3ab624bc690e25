// The banner above the videos: one problem or state, what to do about it, and a button.

import type { LoadingProgress } from "../session/loading_time";
import { INSECURE_PAGE, SERVER_UNREACHABLE } from "../session/problems";
import type { Problem } from "../session/problems";
import type { ServerState } from "../session/server_monitor";
import { BANNERS, toSentence } from "../texts";
import { isBlocked } from "./page_state";
import type { PageState } from "./page_state";

/** The action of a banner's button; `retry_now` ends a wait between attempts. */
export type BannerAction = "retry" | "retry_now" | "camera" | "dismiss";

export interface Banner {
  tone: "busy" | "error";
  title: string;
  advice: string;
  /** Undefined: the banner has no button. */
  action?: BannerAction;
}

/** The most important message, or null. */
export function bannerOf(page: PageState): Banner | null {
  const { server, stream, notice } = page;
  if (page.access === "token_required" || page.access === "viewer") return null; // the token form says it
  if (isBlocked(page)) return errorBanner(INSECURE_PAGE);
  if (server.name === "unreachable" && stream.name !== "live") return errorBanner(SERVER_UNREACHABLE, "retry");
  if (stream.name === "failed") return errorBanner(stream.problem, "retry");
  if (stream.name === "reconnecting") {
    return { tone: "busy", title: BANNERS.reconnecting, advice: `${disconnectCause(stream.reason, server)}${BANNERS.settingsKept}`, action: "retry_now" };
  }
  if (stream.name === "live") return missingFramesBanner(page) ?? (notice === null ? null : noticeBanner(notice, page));
  if (notice !== null) return noticeBanner(notice, page);
  if (server.name === "loading") return { tone: "busy", title: loadingTitle(server.progress), advice: toSentence(server.reason) };
  if (page.hasSavedSession && stream.name === "idle") return SAVED_SESSION_BANNER;
  return null;
}

function loadingTitle(progress: LoadingProgress | null): string {
  if (progress === null) return BANNERS.modelLoading;
  return progress.left_s === null ? BANNERS.modelLoadingSince(progress.elapsed_s) : BANNERS.modelLoadingLeft(progress.left_s);
}

/** Why there is no connection. A server that is loading its model replaces the older reason. */
function disconnectCause(reason: string | null, server: ServerState): string {
  if (server.name === "loading") return `${BANNERS.serverLoading} `;
  return reason === null ? "" : `${toSentence(reason)} `;
}

/** Why a live stream has no new frames, with the server's reason if there is one. */
function missingFramesBanner({ status, frames, isPaused, notice }: PageState): Banner | null {
  const reason = status?.reason ? `${toSentence(status.reason)} ` : "";
  if (frames === "no_telemetry") return { tone: "busy", title: BANNERS.noNewPictures, advice: `${BANNERS.noTelemetry} ${BANNERS.pictureReturns}` };
  if (status?.state === "model_restarting") return { tone: "busy", title: BANNERS.modelRestarting, advice: `${reason}${BANNERS.pictureReturns}` };
  if (frames === "stalled" || status?.state === "stalled") return { tone: "busy", title: BANNERS.noNewPictures, advice: `${reason}${BANNERS.pictureReturns}` };
  if (reason === "" || notice !== null || isPaused) return null;
  return { tone: "busy", title: BANNERS.noPicture, advice: reason.trim() };
}

const SAVED_SESSION_BANNER: Banner = { tone: "busy", ...BANNERS.sessionOpen };

function noticeBanner(notice: Problem, { isSending, isSecure }: PageState): Banner {
  if (isSending) return errorBanner(notice, "dismiss");
  return isSecure ? errorBanner(notice, "camera") : errorBanner(notice);
}

function errorBanner({ title, advice }: Problem, action?: BannerAction): Banner {
  return { tone: "error", title, advice, ...(action === undefined ? {} : { action }) };
}
