// Recomputed and reused parts on a viewer's page.

import type { KeepMasks } from "../media/keep_masks";
import type { WatchOptions } from "../session/watch_link";
import { element } from "./elements";
import { LocalChoice } from "./local_choice";
import { Overlay } from "./overlay";

/** The picture alone shows them if its link says so; else the viewer's choice is remembered. */
export function watchOverlay({ clean, overlay }: WatchOptions, masks: KeepMasks): Overlay {
  const choice = new LocalChoice<"off" | "on">(clean ? "lipar-clean-overlay" : "lipar-watch-overlay", ["off", "on"]);
  if (clean || overlay) choice.value = overlay ? "on" : "off";
  return new Overlay(
    {
      video: element("watched", HTMLVideoElement),
      layer: element("watch-layer", HTMLDivElement),
      button: element("watch-overlay", HTMLButtonElement),
      legend: element("watch-legend", HTMLParagraphElement),
      computedPart: element("watch-computed-part", HTMLSpanElement),
    },
    masks,
    choice,
  );
}
