// The connection's verdict with cause and remedy, and behind "Details" the plots of the last minute.

import type { SessionStatus } from "../api/protocol";
import type { LinkStats } from "../media/link_meter";
import type { SourceKind } from "../media/source";
import { ConnectionHistory } from "../session/connection_history";
import { verdictOf } from "../session/connection_verdict";
import type { Level, Verdict } from "../session/connection_verdict";
import { NO_VERDICT } from "../texts";
import { ConnectionPlots } from "./connection_plots";
import { element } from "./elements";
import type { Tone } from "./pill";

const TONES: Record<Level, Tone> = { good: "success", fair: "busy", poor: "error", bad: "error" };

export class ConnectionPanel {
  private readonly history = new ConnectionHistory();
  private readonly plots = new ConnectionPlots();
  private readonly details = element("connection-details", HTMLDetailsElement);
  private readonly title = element("verdict", HTMLElement);
  private readonly badge = element("open-connection", HTMLButtonElement);

  constructor() {
    element("plots", HTMLDivElement).append(...this.plots.roots);
    this.details.addEventListener("toggle", () => {
      this.showPlots();
    });
    this.badge.addEventListener("click", () => {
      this.details.open = true;
      this.details.scrollIntoView({ block: "nearest" });
      this.details.querySelector("summary")?.focus();
    });
    this.show(null);
  }

  /** Once a second of a live stream with new pictures. A hidden page shows none, which is no fault of the connection. */
  add(status: SessionStatus, link: LinkStats | null, shown_fps: number, framesPerBlock: number, source: SourceKind): void {
    if (status.state !== "live" || document.visibilityState !== "visible") return;
    this.history.add(status, link, shown_fps, framesPerBlock, performance.now());
    const { recent, facts } = this.history;
    this.show(recent === null ? null : verdictOf(recent, facts, source));
    this.showPlots();
  }

  /** The connection has ended. */
  clear(): void {
    this.history.clear();
    this.show(null);
    this.showPlots();
  }

  private show(verdict: Verdict | null): void {
    const title = verdict?.title ?? NO_VERDICT;
    const tone = verdict === null ? "neutral" : TONES[verdict.level];
    for (const shown of [this.title, this.badge]) shown.dataset.tone = tone;
    if (this.title.textContent !== title) this.title.textContent = title; // a live region: unchanged text is not announced again
    this.badge.hidden = verdict === null;
    this.badge.dataset.level = verdict?.level ?? "";
    this.badge.title = [title, verdict?.cause ?? ""].join(". ");
    this.badge.setAttribute("aria-label", title);
    element("verdict-cause", HTMLParagraphElement).textContent = verdict?.cause ?? "";
    element("verdict-remedy", HTMLParagraphElement).textContent = verdict?.remedy ?? "";
  }

  private showPlots(): void {
    if (this.details.open) this.plots.show(this.history.samples);
  }
}
