// The buttons that make the person or the background the region, found in each frame by this page.

import type { GreyMask } from "../api/grey_mask";
import { RegionMasks, maskSize } from "../media/region_masks";
import { Segmenter } from "../media/segmenter";
import { inverted } from "../session/region";
import type { Settings } from "../session/settings";
import { REGION } from "../texts";
import { element } from "./elements";
import { LocalChoice } from "./local_choice";

const SUBJECTS = ["person", "background"] as const;
type Subject = (typeof SUBJECTS)[number];
const PROBLEM_MS = 3000; // a rejected mask is reported for so long

export class SegmentationPanel {
  /** What this page finds in each frame; null: the region is another one. */
  subject: Subject | null = null;
  readonly masks = new RegionMasks((reason) => {
    this.report(REGION.maskRejected(reason));
    this.problemUntil = performance.now() + PROBLEM_MS;
  });
  private problemUntil = -Infinity;
  private readonly note = element("segmentation-note", HTMLParagraphElement);
  private readonly result = element("result", HTMLVideoElement);
  private readonly choice = new LocalChoice<Subject | "none">("lipar-segmentation", ["none", ...SUBJECTS], window.sessionStorage); // a reload continues
  private readonly segmenter = new Segmenter(element("source", HTMLVideoElement), {
    mask: (captured_ms, mask) => {
      this.send(captured_ms, mask);
    },
    failed: (reason) => {
      this.choice.value = "none";
      this.chosen(null);
      this.report(REGION.segmentationFailed(reason));
    },
  });

  /** `chosen`: the user wants this region; null: no longer. */
  constructor(private readonly chosen: (subject: Subject | null) => void) {
    for (const subject of SUBJECTS) {
      button(subject).addEventListener("click", () => {
        const isOff = this.subject === subject;
        this.choice.value = isOff ? "none" : subject;
        chosen(isOff ? null : subject);
      });
    }
  }

  show({ region, fit }: Settings["shown"]): void {
    const { value } = this.choice;
    const subject = region.source === "frames" && value !== "none" ? value : null;
    for (const other of SUBJECTS) button(other).setAttribute("aria-pressed", String(other === subject));
    const { videoWidth, videoHeight } = this.result;
    this.segmenter.target = videoWidth === 0 ? null : { size: maskSize(videoWidth, videoHeight), fit };
    if (subject === null) this.segmenter.stop();
    else this.segmenter.start();
    if (subject !== null && this.subject === null) this.report(REGION.loadingSegmentation);
    if (subject === null && this.subject !== null) this.report("");
    this.subject = subject;
  }

  private send(captured_ms: number, mask: GreyMask): void {
    this.masks.send(captured_ms, this.subject === "background" ? inverted(mask) : mask);
    if (performance.now() > this.problemUntil) this.report(REGION.segmented);
  }

  private report(text: string): void {
    if (this.note.textContent !== text) this.note.textContent = text;
  }
}

function button(subject: Subject): HTMLButtonElement {
  return element(`region-${subject}`, HTMLButtonElement);
}
