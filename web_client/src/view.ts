// The page's pictures, figures, header and banner.

import { element } from "./elements";
import { FrameMeter } from "./frame_meter";
import { LatencyBar, totalOf } from "./latency_bar";
import type { Preset, Stats } from "./protocol";
import { bannerOf, figuresOf, mayStart, number, pillOf, stagesText, startLabel } from "./status_text";
import type { BannerAction, Situation } from "./status_text";

export interface ViewEvents {
  start: () => void;
  stop: () => void;
  /** The banner's button. */
  banner: (action: BannerAction) => void;
  /** The source's picture has another size than before. */
  resized: () => void;
  /** An edited picture was shown. */
  shown: () => void;
}

const BUTTONS: Record<BannerAction, string> = { again: "Try again", now: "Try now", camera: "Use the camera", dismiss: "OK" };

export class View {
  private readonly source = element("source", HTMLVideoElement);
  private readonly result = element("result", HTMLVideoElement);
  private readonly startButton = element("start", HTMLButtonElement);
  private readonly bannerButton = element("banner-button", HTMLButtonElement);
  private readonly latency = new LatencyBar();
  private readonly meter = new FrameMeter();

  constructor(private readonly events: ViewEvents) {
    element("editor", HTMLDivElement).hidden = false;
    this.startButton.addEventListener("click", () => {
      if (this.startButton.textContent === "Stop") events.stop();
      else events.start();
    });
    this.bannerButton.addEventListener("click", () => {
      events.banner(this.bannerButton.value as BannerAction);
    });
    this.source.addEventListener("resize", events.resized);
    element("example-picture", HTMLImageElement).addEventListener("error", () => {
      element("example", HTMLElement).hidden = true; // a build may come without it
    });
    this.countFrames();
    setInterval(() => {
      this.showFps();
    }, 500);
  }

  showPreset({ name, description, width, height }: Preset): void {
    document.documentElement.style.setProperty("--aspect", `${width} / ${height}`);
    element("about", HTMLElement).textContent = `Preset ${name}: ${description}.`;
    element("example", HTMLElement).hidden = name !== "tiny"; // its pictures are that model's
  }

  showSource(stream: MediaStream | null): void {
    show(this.source, stream);
  }

  /** What the source's picture is, or will be. */
  nameSource(name: string): void {
    for (const place of document.querySelectorAll(".source-name")) place.textContent = name;
  }

  showResult(stream: MediaStream | null): void {
    show(this.result, stream);
    this.meter.clear();
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
    this.showFigures(figuresOf(situation));
    this.showViewers(situation.status?.viewers ?? 0);
  }

  private showViewers(viewers: number): void {
    this.put("viewers", number(viewers));
    element("viewers-figure", HTMLDivElement).hidden = viewers === 0;
  }

  private showFigures(stats: Stats | null): void {
    this.put("model-fps", number(stats?.model_fps, 1));
    this.put("keep-ratio", number(stats?.keep_ratio, 0, 100));
    this.put("latency", number(totalOf(stats?.latency_stages_ms)));
    this.put("block", number(stats?.block));
    this.latency.show(stats?.latency_stages_ms ?? {});
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
    this.bannerButton.hidden = content.action === undefined;
    this.bannerButton.value = content.action ?? "";
    this.bannerButton.textContent = content.action === undefined ? "" : BUTTONS[content.action];
  }

  private countFrames(): void {
    this.result.requestVideoFrameCallback((now) => {
      this.meter.tick(now);
      this.events.shown();
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
  if (video.srcObject !== stream) video.srcObject = stream; // its picture and its sound are told one by one
  video.parentElement?.toggleAttribute("data-empty", stream === null);
}
