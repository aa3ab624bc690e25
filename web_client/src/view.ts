// The page's pictures, figures, header and banner.

import type { CameraChoice } from "./camera";
import { element } from "./elements";
import { FrameMeter } from "./frame_meter";
import type { Preset, Stats } from "./protocol";
import { bannerOf, mayStart, number, pillOf, stagesText, startLabel } from "./status_text";
import type { Situation } from "./status_text";

export interface ViewEvents {
  start: (deviceId: string) => void;
  stop: () => void;
  pickCamera: (deviceId: string) => void;
  /** The banner's button. */
  again: () => void;
}

export class View {
  private readonly source = element("source", HTMLVideoElement);
  private readonly result = element("result", HTMLVideoElement);
  private readonly cameras = element("camera", HTMLSelectElement);
  private readonly startButton = element("start", HTMLButtonElement);
  private readonly meter = new FrameMeter();

  constructor(events: ViewEvents) {
    this.startButton.addEventListener("click", () => {
      if (this.startButton.textContent === "Stop") events.stop();
      else events.start(this.deviceId);
    });
    this.cameras.addEventListener("change", () => {
      events.pickCamera(this.deviceId);
    });
    element("banner-button", HTMLButtonElement).addEventListener("click", events.again);
    this.countFrames();
    setInterval(() => {
      this.showFps();
    }, 500);
    this.showCameras([]);
  }

  get deviceId(): string {
    return this.cameras.value;
  }

  showPreset({ name, description, width, height }: Preset): void {
    document.documentElement.style.setProperty("--aspect", `${width} / ${height}`);
    element("about", HTMLElement).textContent = `Preset ${name}: ${description}.`;
    element("example", HTMLElement).hidden = name !== "tiny"; // its pictures are that model's
  }

  showCameras(cameras: CameraChoice[]): void {
    const chosen = this.deviceId;
    const named = cameras.filter(({ deviceId }) => deviceId !== "");
    const options = named.map(({ deviceId, label }) => new Option(label, deviceId, false, deviceId === chosen));
    this.cameras.replaceChildren(...(options.length > 0 ? options : [new Option("Default camera", "")]));
    this.cameras.disabled = options.length === 0;
  }

  showSource(stream: MediaStream | null): void {
    show(this.source, stream);
    const used = stream?.getVideoTracks()[0]?.getSettings().deviceId;
    if (used !== undefined) this.cameras.value = used;
  }

  showResult(stream: MediaStream | null): void {
    show(this.result, stream);
    this.meter.clear();
    if (stream === null) this.showStats(null);
  }

  showSituation(situation: Situation): void {
    const pill = element("pill", HTMLSpanElement);
    const { text, tone } = pillOf(situation);
    pill.textContent = text;
    pill.dataset.tone = tone;
    this.startButton.textContent = startLabel(situation.session);
    this.startButton.disabled = !mayStart(situation);
    this.startButton.classList.toggle("primary", startLabel(situation.session) === "Start");
    this.showBanner(situation);
  }

  showStats(stats: Stats | null): void {
    this.put("model-fps", number(stats?.model_fps, 1));
    this.put("keep-ratio", number(stats?.keep_ratio, 0, 100));
    this.put("latency", number(stats?.latency_ms));
    this.put("block", number(stats?.block));
    element("stages", HTMLParagraphElement).textContent = stagesText(stats?.stage_ms);
  }

  private showBanner(situation: Situation): void {
    const content = bannerOf(situation);
    const banner = element("banner", HTMLElement);
    banner.hidden = content === null;
    if (content === null) return;
    banner.dataset.tone = content.tone;
    element("banner-title", HTMLElement).textContent = content.title;
    element("banner-advice", HTMLElement).textContent = content.advice;
    const button = element("banner-button", HTMLButtonElement);
    button.hidden = content.button === undefined;
    button.textContent = content.button ?? "";
  }

  private countFrames(): void {
    this.result.requestVideoFrameCallback((now) => {
      this.meter.tick(now);
      this.countFrames();
    });
  }

  private showFps(): void {
    this.put("fps", this.result.srcObject === null ? "–" : this.meter.fps(performance.now()).toFixed(1));
  }

  private put(id: string, text: string): void {
    element(id, HTMLOutputElement).value = text;
  }
}

/** A picture's frame says what it is for while it has none. */
function show(video: HTMLVideoElement, stream: MediaStream | null): void {
  video.srcObject = stream;
  video.parentElement?.toggleAttribute("data-empty", stream === null);
}
