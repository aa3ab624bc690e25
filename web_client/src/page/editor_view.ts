// The editor page's videos, metrics, header and banner.

import type { Preset, Stats, SessionStatus } from "../api/protocol";
import { FrameRateMeter } from "../media/frame_rate_meter";
import { KeepMasks } from "../media/keep_masks";
import type { LinkStats } from "../media/link_meter";
import type { Source, SourceKind } from "../media/source";
import { BUTTONS, VALUES } from "../texts";
import { bannerOf } from "./banner";
import type { BannerAction } from "./banner";
import { ConnectionPanel } from "./connection_panel";
import { element } from "./elements";
import { FramePairs } from "./frame_pairs";
import { formatNumber, modelStagesText } from "./format";
import { LatencyBar, totalLatency } from "./latency_bar";
import { LocalChoice } from "./local_choice";
import { Overlay } from "./overlay";
import { canStart, currentStats, isRunning } from "./page_state";
import type { PageState } from "./page_state";
import { pillOf } from "./pill";
import { PruningEffect } from "./pruning_effect";
import { Stage } from "./stage";
import { StageLayer } from "./stage_layer";

export interface EditorViewEvents {
  start: () => void;
  stop: () => void;
  /** The banner's button. */
  bannerAction: (action: BannerAction) => void;
  /** The source video's size has changed. */
  sourceResized: () => void;
  /** An edited frame was shown. */
  frameShown: () => void;
}

const ACTION_LABELS: Record<BannerAction, string> = { retry: BUTTONS.tryAgain, retry_now: BUTTONS.tryNow, camera: BUTTONS.useCamera, dismiss: BUTTONS.ok };

export class EditorView {
  readonly keepMasks = new KeepMasks();
  readonly framePairs = new FramePairs();
  private readonly source = element("source", HTMLVideoElement);
  private readonly result = element("result", HTMLVideoElement);
  private readonly startButton = element("start", HTMLButtonElement);
  private readonly bannerButton = element("banner-button", HTMLButtonElement);
  private readonly stage = new Stage(this.framePairs);
  private readonly overlay = new Overlay(
    {
      video: this.result,
      layer: new StageLayer().root,
      button: element("overlay", HTMLButtonElement),
      legend: element("overlay-legend", HTMLParagraphElement),
      computedPart: element("computed-part", HTMLSpanElement),
    },
    this.keepMasks,
    new LocalChoice("lipar-overlay", ["off", "on"]),
  );
  private readonly pruningEffect = new PruningEffect();
  private readonly latencyBar = new LatencyBar();
  private readonly frameRate = new FrameRateMeter();
  private readonly connection = new ConnectionPanel();
  private framesPerBlock = 0; // of the preset, once it is loaded

  constructor(private readonly events: EditorViewEvents) {
    element("editor", HTMLDivElement).hidden = false;
    this.startButton.addEventListener("click", () => {
      if (this.startButton.textContent === BUTTONS.stop) events.stop();
      else events.start();
    });
    this.bannerButton.addEventListener("click", () => {
      events.bannerAction(this.bannerButton.value as BannerAction);
    });
    this.result.addEventListener("resize", () => {
      setAspect(this.result.videoWidth, this.result.videoHeight); // a session's size may differ from the preset's
    });
    this.source.addEventListener("resize", events.sourceResized);
    markWhileEmpty(this.source);
    markWhileEmpty(this.result);
    element("example-picture", HTMLImageElement).addEventListener("error", () => {
      element("example", HTMLElement).hidden = true; // a build may omit it
    });
    this.countFrames();
    setInterval(() => {
      this.showFps();
    }, 500);
  }

  showPreset({ name, description, width, height, frames_per_block }: Preset): void {
    setAspect(width, height);
    this.framesPerBlock = frames_per_block;
    const about = VALUES.about(description, `${width}x${height}`);
    element("about", HTMLElement).textContent = name === "tiny" ? `${about} ${VALUES.aboutTiny}` : about;
    element("example", HTMLElement).hidden = name !== "tiny"; // the example shows that model's output
  }

  showSource(source: Source | null): void {
    attachStream(this.source, source?.stream ?? null);
    this.stage.sourceChanged(source);
  }

  /** The caption of the source video, before and after it is opened. */
  setSourceLabel(name: string): void {
    for (const label of document.querySelectorAll(".source-name")) label.textContent = name;
  }

  showResult(stream: MediaStream | null): void {
    attachStream(this.result, stream);
    this.stage.resultChanged(stream);
    this.overlay.resultChanged();
    this.frameRate.clear();
    if (stream === null) this.connection.clear();
  }

  /** Once a second while the stream is live. */
  addTelemetry(status: SessionStatus, link: LinkStats | null, source: SourceKind): void {
    this.connection.add(status, link, this.frameRate.fps(performance.now()), this.framesPerBlock, source);
  }

  show(page: PageState): void {
    const pill = element("pill", HTMLSpanElement);
    const { text, tone } = pillOf(page);
    pill.textContent = text;
    pill.dataset.tone = tone;
    element("waiting", HTMLParagraphElement).textContent = text;
    this.startButton.textContent = isRunning(page.stream) ? BUTTONS.stop : BUTTONS.start;
    this.startButton.disabled = !canStart(page);
    this.startButton.classList.toggle("primary", !isRunning(page.stream));
    this.stage.showFit(page.fit);
    this.showBanner(page);
    this.showStats(currentStats(page));
    this.showViewers(page.status?.viewers ?? 0);
  }

  private showViewers(viewers: number): void {
    this.setOutput("viewers", formatNumber(viewers));
    element("viewers-metric", HTMLDivElement).hidden = viewers === 0;
  }

  private showStats(stats: Stats | null): void {
    this.setOutput("model-fps", formatNumber(stats?.model_fps, 1));
    this.setOutput("keep-ratio", formatNumber(stats?.keep_ratio, 0, 100));
    this.setOutput("latency", formatNumber(totalLatency(stats?.latency_stages_ms)));
    this.pruningEffect.show(stats);
    this.latencyBar.show(stats?.latency_stages_ms ?? {});
    element("stages", HTMLParagraphElement).textContent = modelStagesText(stats?.stage_ms);
  }

  private showBanner(page: PageState): void {
    const content = bannerOf(page);
    const banner = element("banner", HTMLElement);
    banner.hidden = content === null;
    if (content === null) return;
    banner.dataset.tone = content.tone;
    element("banner-title", HTMLElement).textContent = content.title;
    element("banner-advice", HTMLElement).textContent = content.advice;
    this.bannerButton.hidden = content.action === undefined;
    this.bannerButton.value = content.action ?? "";
    this.bannerButton.textContent = content.action === undefined ? "" : ACTION_LABELS[content.action];
  }

  private countFrames(): void {
    this.result.requestVideoFrameCallback((now) => {
      this.frameRate.addFrame(now);
      this.events.frameShown();
      this.countFrames();
    });
  }

  private showFps(): void {
    this.setOutput("fps", this.result.srcObject === null ? "–" : this.frameRate.fps(performance.now()).toFixed(1));
  }

  private setOutput(id: string, text: string): void {
    element(id, HTMLOutputElement).value = text;
  }
}

function attachStream(video: HTMLVideoElement, stream: MediaStream | null): void {
  if (video.srcObject !== stream) video.srcObject = stream; // one event each for the video and the audio track of one stream
}

/** A video without a picture is marked as empty: a placeholder is shown. */
function markWhileEmpty(video: HTMLVideoElement): void {
  for (const [event, isEmpty] of [["loadeddata", false], ["emptied", true]] as const) {
    video.addEventListener(event, () => video.parentElement?.toggleAttribute("data-empty", isEmpty));
  }
}

function setAspect(width: number, height: number): void {
  if (width <= 0 || height <= 0) return;
  const { documentElement: root } = document;
  root.style.setProperty("--ratio", String(width / height));
  root.toggleAttribute("data-portrait", width < height);
}
