// The controls of the region: drawing tools, what happens in it, its soft edge, and its box in numbers.

import { encodeMask } from "../api/grey_mask";
import type { GreyMask } from "../api/grey_mask";
import type { Box, Changes, Region } from "../api/protocol";
import type { RegionMasks } from "../media/region_masks";
import { coverage } from "../session/region";
import type { Settings } from "../session/settings";
import { REGION } from "../texts";
import { element } from "./elements";
import { formatNumber } from "./format";
import { RegionCanvas } from "./region_canvas";
import type { Tool } from "./region_canvas";
import { SegmentationPanel } from "./segmentation_panel";

const TOOLS = ["box", "brush", "erase"] as const;
const SIDES = ["left", "top", "width", "height"] as const;
/** Whose note is below the controls. */
export const REGION_CONTROLS: [string, ...string[]] = ["region.shape", "region.mode", "region.feather"];

export type RegionChanged = (control: string, changes: Changes) => void;

export class RegionPanel {
  private readonly details = element("region", HTMLDetailsElement);
  private readonly mode = element("region-mode", HTMLSelectElement);
  private readonly feather = element("region-feather", HTMLInputElement);
  private readonly clear = element("region-clear", HTMLButtonElement);
  private readonly boxForm = element("region-box-form", HTMLFormElement);
  private readonly sides = SIDES.map((side) => element(`region-${side}`, HTMLInputElement));
  private tool: Tool | null = null;
  private region: Region = { source: "shape", mode: "edit", box: null, mask: null, feather: 0 };
  private readonly canvas = new RegionCanvas({
    boxDrawn: (box) => {
      this.setBox(box);
    },
    painted: (mask) => void this.setMask(mask),
    maskRead: () => {
      this.showSummary();
    },
  });

  private readonly segmentation = new SegmentationPanel((subject) => {
    this.changed("region.shape", { region: { source: subject === null ? "shape" : "frames" } });
    this.setTool(null);
  });

  constructor(private readonly changed: RegionChanged) {
    this.bindTools();
    this.bindSettings();
    this.bindBox();
    this.clear.addEventListener("click", () => {
      changed("region.shape", { region: { source: "shape", box: null, mask: null } });
    });
    document.addEventListener("keydown", ({ key }) => {
      if (key === "Escape" && this.tool !== null) this.setTool(null);
    });
    this.details.addEventListener("toggle", () => {
      if (!this.details.open) this.setTool(null);
      this.showOutline();
    });
  }

  /** Sends the masks of the person or the background. */
  get masks(): RegionMasks {
    return this.segmentation.masks;
  }

  show({ shown }: Settings): void {
    this.region = shown.region;
    const { mode, box, feather } = this.region;
    this.segmentation.show(shown);
    this.showOutline();
    this.mode.value = mode;
    this.feather.value = String(feather);
    element("region-feather-value", HTMLOutputElement).value = `${formatNumber(feather, 0, 100)} %`;
    this.clear.disabled = !isSet(this.region);
    if (!this.boxForm.contains(document.activeElement)) this.showBox(box);
    this.showSummary();
  }

  private showOutline(): void {
    this.canvas.show(this.region, this.details.open && this.region.source === "shape");
  }

  private bindTools(): void {
    for (const tool of TOOLS) {
      element(`region-${tool}`, HTMLButtonElement).addEventListener("click", () => {
        this.setTool(this.tool === tool ? null : tool);
      });
    }
    const size = element("region-brush-size", HTMLInputElement);
    size.addEventListener("input", () => {
      this.canvas.brushRadius = size.valueAsNumber / 2;
    });
    this.canvas.brushRadius = size.valueAsNumber / 2;
  }

  private setTool(tool: Tool | null): void {
    this.tool = tool;
    if (tool !== null) this.details.open = true;
    this.canvas.setTool(tool);
    for (const other of TOOLS) element(`region-${other}`, HTMLButtonElement).setAttribute("aria-pressed", String(other === tool));
    element("region-brush-row", HTMLDivElement).hidden = tool !== "brush" && tool !== "erase";
  }

  private bindSettings(): void {
    this.mode.addEventListener("change", () => {
      this.changed("region.mode", { region: { mode: this.mode.value === "freeze" ? "freeze" : "edit" } });
    });
    this.feather.addEventListener("input", () => {
      this.changed("region.feather", { region: { feather: this.feather.valueAsNumber } });
    });
  }

  private bindBox(): void {
    this.boxForm.addEventListener("submit", (event) => {
      event.preventDefault();
      const [left = 0, top = 0, width = 1, height = 1] = this.sides.map((side) => side.valueAsNumber / 100);
      this.setBox([left, top, width, height]);
    });
    this.boxForm.addEventListener("input", () => {
      this.checkBox();
    });
  }

  /** The browser shows what is wrong at the field. */
  private checkBox(): void {
    const [left, top, width, height] = this.sides;
    if (left === undefined || top === undefined || width === undefined || height === undefined) return;
    width.setCustomValidity(left.valueAsNumber + width.valueAsNumber > 100 ? REGION.tooWide : "");
    height.setCustomValidity(top.valueAsNumber + height.valueAsNumber > 100 ? REGION.tooHigh : "");
  }

  private showBox(box: Box | null): void {
    for (const [i, input] of this.sides.entries()) input.value = box === null ? "" : String(Math.round((box[i] ?? 0) * 1000) / 10);
    this.checkBox();
  }

  private setBox(box: Box): void {
    this.changed("region.shape", { region: { source: "shape", box, mask: null } });
  }

  private async setMask(mask: GreyMask): Promise<void> {
    const text = coverage(mask) === 0 ? null : await encodeMask(mask);
    this.canvas.maskEncoded(text);
    this.changed("region.shape", { region: { source: "shape", mask: text, box: null } });
  }

  private showSummary(): void {
    const { mode } = this.region;
    const covered = this.covered();
    const { subject } = this.segmentation;
    const unknown = subject !== null ? REGION.subject(mode, subject) : isSet(this.region) ? REGION.set : REGION.none;
    const text = covered === null ? unknown : REGION.covers(mode, formatNumber(covered, 0, 100));
    const summary = element("region-summary", HTMLSpanElement);
    if (summary.textContent !== text) summary.textContent = text;
    element("region-cost", HTMLParagraphElement).textContent = covered === null ? "" : REGION.cost(formatNumber(mode === "edit" ? covered : 1 - covered, 0, 100));
  }

  /** The part of the picture in the region's shape, 0..1; null: none, or not known. */
  private covered(): number | null {
    const { source, box, mask } = this.region;
    if (source === "frames") return null;
    if (box !== null) return box[2] * box[3];
    return mask !== null && this.canvas.mask !== null ? coverage(this.canvas.mask) : null;
  }
}

function isSet({ source, box, mask }: Region): boolean {
  return source === "frames" || box !== null || mask !== null;
}
