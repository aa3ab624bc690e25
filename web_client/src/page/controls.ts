// The prompt, style buttons and parameter controls: show the settings and report the user's changes.

import type { Changes, Parameters, Preset, Schema } from "../api/protocol";
import { maxLengthOf, parameterSpecs } from "../api/schema";
import type { RegionMasks } from "../media/region_masks";
import { promptChanges, secondPrompt } from "../session/prompt_mix";
import type { Settings } from "../session/settings";
import type { StreamState } from "../session/stream_state";
import { BUTTONS } from "../texts";
import { element } from "./elements";
import { noteOf, promptTokensNote } from "./notes";
import type { Note } from "./notes";
import { ParameterRow } from "./parameter_row";
import { defaultChanges } from "./parameter_value";
import type { RowEvents } from "./parameter_row";
import { PromptSuggestions } from "./prompt_suggestions";
import { REGION_CONTROLS, RegionPanel } from "./region_panel";
import { SavedPromptButtons } from "./saved_prompt_buttons";
import { SecondPromptControl } from "./second_prompt_control";
import { SettingsLinkControl } from "./settings_link_control";
import { styleButton } from "./style_button";
import { StylePictures } from "./style_pictures";

/** `control` is the parameter's path. */
export interface ControlEvents extends RowEvents {
  /** Typed but not submitted. */
  typed: (control: string, changes: Changes) => void;
}

export interface ControlsState {
  settings: Settings;
  state: StreamState["name"];
}

/** By the note's element id: the controls that share the note, and their input element. */
const NOTES: Record<string, { controls: [string, ...string[]]; input?: string }> = {
  "prompt-note": { controls: ["prompt"], input: "prompt" },
  "mix-note": { controls: ["prompts"], input: "second-prompt" },
  "action-note": { controls: ["paused", "reset"] },
  "defaults-note": { controls: ["defaults"] },
  "region-note": { controls: REGION_CONTROLS },
};

export class Controls {
  private readonly prompt = element("prompt", HTMLInputElement);
  private readonly apply = element("apply", HTMLButtonElement);
  private readonly styles = element("styles", HTMLDivElement);
  private readonly stylePictures: StylePictures;
  private readonly pause = element("pause", HTMLButtonElement);
  private readonly reset = element("reset", HTMLButtonElement);
  private readonly rows: ParameterRow[];
  private readonly link: SettingsLinkControl;
  private readonly savedPrompts: SavedPromptButtons;
  private readonly secondPrompt: SecondPromptControl;
  private applied: Pick<Parameters, "prompt" | "prompts">; // what the session has, or the next one begins with
  private readonly region: RegionPanel;

  constructor(
    private readonly preset: Preset,
    schema: Schema,
    private readonly events: ControlEvents,
  ) {
    this.applied = preset.parameters;
    this.prompt.maxLength = maxLengthOf(schema, "prompt");
    this.prompt.disabled = false; // disabled in the HTML until its events are handled
    const specs = parameterSpecs(schema);
    this.rows = specs.map((spec) => {
      const row = new ParameterRow(spec, preset, events);
      element(`${spec.group}-settings`, HTMLElement).append(row.root);
      return row;
    });
    this.bindPrompt();
    new PromptSuggestions();
    this.link = new SettingsLinkControl(preset, schema);
    this.savedPrompts = new SavedPromptButtons((prompt) => {
      this.changePrompt(prompt);
    });
    this.secondPrompt = new SecondPromptControl(preset, maxLengthOf(schema, "prompt"), {
      changed: (second) => {
        events.changed("prompts", promptChanges(this.applied.prompt, second));
      },
      dragged: (second) => {
        events.dragged(second === null ? null : { control: "prompts", changes: promptChanges(this.applied.prompt, second) });
      },
    });
    this.region = new RegionPanel(events.changed);
    this.stylePictures = this.createStyles();
    this.bindActions();
    this.bindDefaults(defaultChanges(specs, preset.parameters));
    element("vocabulary", HTMLParagraphElement).textContent = preset.vocabulary_note;
  }

  show({ settings, state }: ControlsState): void {
    const { shown } = settings;
    this.showPrompt(settings);
    this.secondPrompt.show(settings);
    this.link.show(settings);
    for (const row of this.rows) row.show(settings);
    this.region.show(settings);
    this.pause.setAttribute("aria-pressed", String(shown.paused));
    this.pause.textContent = shown.paused ? BUTTONS.resume : BUTTONS.pause;
    this.pause.disabled = this.reset.disabled = state !== "live"; // they act on a live session only
    this.stylePictures.show(state === "live" && isAlone(settings.current) ? settings.current.prompt : null);
    this.showNotes(settings, state);
    element("tokens-note", HTMLParagraphElement).textContent = promptTokensNote(settings.promptTokens);
  }

  get regionMasks(): RegionMasks {
    return this.region.masks;
  }

  /** Uses the settings in the page's address. */
  applyLink(address: string): void {
    const changes = this.link.read(address);
    if (changes !== null) this.events.changed("link", changes);
  }

  private showPrompt(settings: Settings): void {
    const { prompt } = settings.shown;
    const isTyped = settings.stateOf("prompt").name === "typed";
    this.applied = isTyped ? settings.current : settings.shown;
    const applied = this.applied.prompt;
    if (this.prompt.value !== prompt) this.prompt.value = prompt; // an unchanged value keeps the cursor's position
    this.prompt.toggleAttribute("data-dirty", isTyped);
    this.apply.classList.toggle("primary", isTyped);
    for (const chip of this.styles.querySelectorAll("button")) {
      chip.setAttribute("aria-pressed", String(chip.dataset.prompt === applied));
    }
    this.savedPrompts.show(applied);
  }

  private showNotes(settings: Settings, state: StreamState["name"]): void {
    for (const [id, { controls, input }] of Object.entries(NOTES)) {
      this.showNoteOf(settings, state, controls, element(id, HTMLParagraphElement), input === undefined ? null : element(input, HTMLInputElement));
    }
    for (const { path, note, input } of this.rows) this.showNoteOf(settings, state, [path], note, input);
  }

  private showNoteOf(
    settings: Settings,
    state: StreamState["name"],
    controls: [string, ...string[]],
    target: HTMLElement,
    input: HTMLElement | null,
  ): void {
    const control = settings.lastUsed(controls);
    const note = noteOf(control, settings.stateOf(control), { current: settings.current, streamState: state });
    showNote(target, note);
    input?.setAttribute("aria-invalid", String(note.tone === "error"));
  }

  private bindPrompt(): void {
    this.prompt.addEventListener("input", () => {
      this.events.typed("prompt", this.changesOf(this.prompt.value));
    });
    element("prompt-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.changePrompt(this.prompt.value);
    });
  }

  private changePrompt(prompt: string): void {
    this.events.changed("prompt", this.changesOf(prompt));
  }

  /** The change to another first prompt; the second one stays mixed into it. */
  private changesOf(prompt: string): Changes {
    return promptChanges(prompt, secondPrompt(this.applied));
  }

  private createStyles(): StylePictures {
    const chips = this.preset.styles.map((style) => {
      const chip = styleButton(style);
      chip.addEventListener("click", () => {
        this.changePrompt(style.prompt);
      });
      return chip;
    });
    this.styles.replaceChildren(...chips);
    return new StylePictures(this.preset, chips, element("result", HTMLVideoElement));
  }

  private bindDefaults(changes: Changes): void {
    element("defaults", HTMLButtonElement).addEventListener("click", () => {
      this.events.changed("defaults", changes);
    });
  }

  private bindActions(): void {
    this.pause.addEventListener("click", () => {
      this.events.changed("paused", { paused: this.pause.getAttribute("aria-pressed") !== "true" });
    });
    this.reset.addEventListener("click", () => {
      this.events.changed("reset", { reset: true });
    });
  }
}

/** Whether the prompt alone is on the whole picture, and it moves. */
function isAlone({ prompts, region, paused }: Parameters): boolean {
  return prompts === null && region.box === null && region.mask === null && region.source === "shape" && !paused;
}

/** Errors interrupt a screen reader (role `alert`), other notes do not. Unchanged text is not announced again. */
function showNote(target: HTMLElement, { text, tone, tooltip: detail }: Note): void {
  if (target.textContent === text && target.title === detail) return;
  target.setAttribute("role", tone === "error" ? "alert" : "status");
  target.dataset.tone = tone;
  target.title = detail;
  target.textContent = text;
}
