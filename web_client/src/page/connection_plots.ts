// The plots of the last minute.

import type { Sample } from "../session/connection_history";
import { HISTORY_MS } from "../session/connection_history";
import { BANDS } from "../session/connection_verdict";
import { LATENCY_STAGES, PLOTS } from "../texts";
import { Plot } from "./plot";
import type { PlotOptions, Series } from "./plot";

type Rate = { [Name in keyof Sample]: Sample[Name] extends number | null ? Name : never }[keyof Sample];

interface Definition extends PlotOptions {
  lines: [Rate, string][]; // none: the latency's stages
}

const { lines } = PLOTS;
const percent = (value: number): string => `${(value * 100).toFixed(0)} %`;

const DEFINITIONS: Definition[] = [
  {
    title: PLOTS.fps,
    lines: [
      ["shown_fps", lines.shown],
      ["model_fps", lines.model],
      ["source_fps", lines.source],
    ],
    format: (value) => value.toFixed(0),
    minimumTop: 32,
    limits: BANDS.fps,
  },
  { title: PLOTS.latency, lines: [], format: (value) => `${value.toFixed(0)} ms`, minimumTop: 200, limits: BANDS.latency_ms, stacked: true },
  { title: PLOTS.keep, lines: [["keep_ratio", lines.keep]], format: percent, minimumTop: 1 },
  {
    title: PLOTS.bitrate,
    lines: [
      ["upload_bps", lines.upload],
      ["download_bps", lines.download],
    ],
    format: (value) => `${(value / 1e6).toFixed(1)} Mbit/s`,
    minimumTop: 500_000,
  },
  {
    title: PLOTS.loss,
    lines: [
      ["upload_loss", lines.upload],
      ["download_loss", lines.download],
    ],
    format: (value) => `${(value * 100).toFixed(1)} %`,
    minimumTop: 0.05,
    limits: BANDS.loss,
  },
];

export class ConnectionPlots {
  private readonly plots = DEFINITIONS.map((definition) => ({ definition, plot: new Plot(definition) }));

  get roots(): HTMLElement[] {
    return this.plots.map(({ plot }) => plot.root);
  }

  show(samples: Sample[]): void {
    const newest = samples.at(-1)?.at_ms ?? 0;
    const positions = samples.map(({ at_ms }) => 1 - (newest - at_ms) / HISTORY_MS);
    for (const { definition, plot } of this.plots) plot.show(positions, seriesOf(definition, samples));
  }
}

function seriesOf({ lines: rates, stacked }: Definition, samples: Sample[]): Series[] {
  if (stacked === true) {
    return Object.entries(LATENCY_STAGES).map(([stage, { label }]) => ({ stage, label, values: samples.map((sample) => sample.latency_stages_ms[stage] ?? null) }));
  }
  return rates.map(([rate, label]) => ({ label, values: samples.map((sample) => sample[rate]) }));
}
