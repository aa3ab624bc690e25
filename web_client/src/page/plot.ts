// A plot of the last minute: an SVG with lines or stacked areas, a legend with the newest values, and a text for screen
// readers.

import { PLOTS } from "../texts";

/** One line or area; its colour is that of `stage`, or else the plot's next. */
export interface Series {
  label: string;
  values: (number | null)[]; // as many as there are times
  stage?: string;
}

export interface PlotOptions {
  title: string;
  format: (value: number) => string;
  minimumTop: number; // the scale reaches at least this value
  limits?: readonly number[]; // dashed lines
  stacked?: boolean;
}

const WIDTH = 600;
const HEIGHT = 100;
const SVG = "http://www.w3.org/2000/svg";

export class Plot {
  readonly root = document.createElement("div");
  private readonly svg = document.createElementNS(SVG, "svg");
  private readonly legend = document.createElement("p");
  private readonly top = document.createElement("span");

  constructor(private readonly options: PlotOptions) {
    const title = document.createElement("p");
    title.append(options.title, this.top);
    this.svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.svg.setAttribute("preserveAspectRatio", "none");
    this.svg.setAttribute("role", "img");
    this.legend.className = "legend";
    this.legend.setAttribute("aria-hidden", "true"); // the picture's label says the same
    this.root.className = "plot";
    this.root.append(title, this.svg, this.legend);
  }

  /** `positions`: of the values in time, 0 (a minute ago) to 1 (now). */
  show(positions: number[], series: Series[]): void {
    const layers = this.options.stacked === true ? stacked(series) : series.map(({ values }) => ({ from: null, to: values }));
    const top = Math.max(this.options.minimumTop, ...layers.flatMap(({ to }) => to.map((value) => value ?? 0)));
    const y = (value: number): number => HEIGHT * (1 - value / top);
    this.top.textContent = this.options.format(top);
    const limits = (this.options.limits ?? []).filter((limit) => limit < top);
    this.svg.replaceChildren(
      ...limits.map((limit) => shape("polyline", "limit", `0,${y(limit)} ${WIDTH},${y(limit)}`)),
      ...series.map((one, i) => layerShape(one, i, positions, layers[i], y)),
    );
    this.svg.setAttribute("aria-label", this.description(series));
    this.legend.replaceChildren(...series.map((one, i) => this.legendEntry(one, i)));
  }

  private legendEntry({ label, values, stage }: Series, index: number): HTMLElement {
    const entry = document.createElement("span");
    markSeries(entry, index, stage);
    entry.textContent = `${label} ${this.formatted(values.at(-1))}`;
    return entry;
  }

  private description(series: Series[]): string {
    const lines = series.map(({ label, values }) => {
      const measured = values.filter((value) => value !== null);
      return PLOTS.line(label, this.formatted(values.at(-1)), this.formatted(lowest(measured)), this.formatted(highest(measured)));
    });
    return `${this.options.title}. ${lines.join(". ")}.`;
  }

  private formatted(value: number | null | undefined): string {
    return value === null || value === undefined ? PLOTS.notMeasured : this.options.format(value);
  }
}

interface Layer {
  from: (number | null)[] | null; // null: a line
  to: (number | null)[];
}

/** Each area begins where the one below it ends. */
function stacked(series: Series[]): Layer[] {
  let below = series[0]?.values.map((): number | null => 0) ?? [];
  return series.map(({ values }) => {
    const from = below;
    below = from.map((value, i) => (value ?? 0) + (values[i] ?? 0));
    return { from, to: below };
  });
}

function layerShape({ stage }: Series, index: number, positions: number[], layer: Layer | undefined, y: (value: number) => number): SVGElement {
  const line = (values: (number | null)[]): string[] =>
    values.flatMap((value, i) => (value === null ? [] : [`${((positions[i] ?? 0) * WIDTH).toFixed(1)},${y(value).toFixed(1)}`]));
  const points = layer === undefined ? [] : [...line(layer.to), ...(layer.from === null ? [] : line(layer.from).reverse())];
  const drawn = shape(layer?.from == null ? "polyline" : "polygon", "series", points.join(" "));
  markSeries(drawn, index, stage);
  return drawn;
}

function markSeries(element: HTMLElement | SVGElement, index: number, stage: string | undefined): void {
  if (stage === undefined) element.dataset.series = String(index);
  else element.dataset.stage = stage;
}

function shape(name: "polyline" | "polygon", className: string, points: string): SVGElement {
  const created = document.createElementNS(SVG, name);
  created.setAttribute("class", className);
  created.setAttribute("points", points);
  return created;
}

function lowest(values: number[]): number | null {
  return values.length === 0 ? null : Math.min(...values);
}

function highest(values: number[]): number | null {
  return values.length === 0 ? null : Math.max(...values);
}
