// The button "Check my connection" and the list of its results.

import { isCameraAllowed, listCameras } from "../media/camera";
import { checkIce } from "../media/ice_check";
import { checkCamera, checkCodecs, checkNetwork, checkRoundTrip, checkServer } from "../session/connection_check";
import type { BrowserFacts, CheckedServer, CheckLevel, CheckResult } from "../session/connection_check";
import { CHECK_LEVELS, CHECK_NAMES, CHECK_SUMMARY } from "../texts";
import { element } from "./elements";

type CheckName = keyof typeof CHECK_NAMES;

export class ConnectionCheckPanel {
  private readonly button = element("check", HTMLButtonElement);
  private readonly list = element("check-list", HTMLUListElement);
  private readonly summary = element("check-summary", HTMLParagraphElement);

  constructor(private readonly server: CheckedServer) {
    this.button.addEventListener("click", () => void this.run());
  }

  private async run(): Promise<void> {
    this.button.disabled = true;
    this.list.replaceChildren();
    this.summary.textContent = CHECK_SUMMARY.running;
    try {
      const facts = await browserFacts();
      const checks: [CheckName, CheckResult | Promise<CheckResult>][] = [
        ["camera", checkCamera(facts)],
        ["codecs", checkCodecs(facts)],
        ["server", checkServer(this.server)],
        ["roundTrip", checkRoundTrip(this.server, () => performance.now())],
        ["network", checkNetwork(this.server, checkIce)],
      ];
      let worst: CheckLevel = "ok";
      for (const [name, pending] of checks) {
        const result = await pending;
        this.list.append(itemOf(name, result));
        if (result.level === "fail" || worst === "ok") worst = result.level;
      }
      this.summary.textContent = CHECK_SUMMARY[worst];
    } finally {
      this.button.disabled = false;
    }
  }
}

function itemOf(name: CheckName, { level, text, remedy }: CheckResult): HTMLLIElement {
  const item = document.createElement("li");
  item.dataset.level = level;
  const title = document.createElement("strong");
  title.textContent = `${CHECK_NAMES[name]}: ${CHECK_LEVELS[level]}`;
  item.append(title, ` ${text}`);
  if (remedy !== "") {
    const hint = document.createElement("p");
    hint.className = "hint";
    hint.textContent = remedy;
    item.append(hint);
  }
  return item;
}

async function browserFacts(): Promise<BrowserFacts> {
  const isAllowed = isCameraAllowed();
  return {
    isCameraAllowed: isAllowed,
    permission: isAllowed ? await cameraPermission() : null,
    cameras: isAllowed ? (await listCameras()).length : 0,
    codecs: videoCodecs(),
  };
}

/** That it can send and receive, as MIME types. */
function videoCodecs(): string[] {
  if (!("RTCRtpSender" in window)) return []; // built without WebRTC
  const receives = mimeTypes(RTCRtpReceiver.getCapabilities("video"));
  return mimeTypes(RTCRtpSender.getCapabilities("video")).filter((type) => receives.includes(type));
}

function mimeTypes(capabilities: RTCRtpCapabilities | null): string[] {
  return (capabilities?.codecs ?? []).map(({ mimeType }) => mimeType.toLowerCase());
}

async function cameraPermission(): Promise<PermissionState | null> {
  try {
    return (await navigator.permissions.query({ name: "camera" })).state;
  } catch (error) {
    if (error instanceof TypeError) return null; // this browser does not know the permission's name
    throw error;
  }
}
