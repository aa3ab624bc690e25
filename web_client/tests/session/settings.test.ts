import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Changes, Parameters, PromptTokens } from "../../src/api/protocol";
import { applyChanges, differences, containsChanges } from "../../src/session/parameters";
import { Settings } from "../../src/session/settings";
import { PARAMETERS } from "./stream_fixture";

let settings: Settings;

beforeEach(() => {
  vi.useFakeTimers();
  settings = new Settings(PARAMETERS, () => undefined);
});

afterEach(() => {
  vi.useRealTimers();
});

/** The server acknowledges this control's change. */
function acknowledge(control: string, changes: Changes, pending = false): void {
  const parameters = applyChanges(settings.current, changes);
  settings.acknowledge([control], { block: 7, pending, parameters, prompt_tokens: null });
}

/** Telemetry with these parameters. */
function telemetry(parameters: Parameters, prompt_tokens: PromptTokens | null = null): void {
  settings.followTelemetry({ parameters, prompt_tokens });
}

describe("a control", () => {
  it("follows the session while it is untouched", () => {
    telemetry({ ...PARAMETERS, strength: 0.7, prompt: "by REST" });
    expect(settings.shown).toMatchObject({ strength: 0.7, prompt: "by REST" });
    expect(settings.stateOf("strength").name).toBe("synced");
  });

  it("shows the requested value until the response, and then the session's", () => {
    settings.apply("strength", { strength: 0.4 });
    telemetry(PARAMETERS); // sent before the change
    expect([settings.shown.strength, settings.current.strength, settings.stateOf("strength").name]).toEqual([0.4, null, "applying"]);
    acknowledge("strength", { strength: 0.4 });
    expect([settings.current.strength, settings.stateOf("strength")]).toMatchObject([0.4, { name: "applied", block: 7, pending: false }]);
  });

  it("ignores telemetry that was sent before the acknowledgement", () => {
    settings.apply("strength", { strength: 0.4 });
    acknowledge("strength", { strength: 0.4 });
    vi.advanceTimersByTime(300);
    telemetry(PARAMETERS);
    expect([settings.shown.strength, settings.stateOf("strength").name]).toEqual([0.4, "applied"]);
    vi.advanceTimersByTime(2000);
    telemetry({ ...PARAMETERS, strength: 0.9 }); // another client, later
    expect([settings.shown.strength, settings.stateOf("strength").name]).toEqual([0.9, "synced"]);
  });

  it("returns to the session's value when it is rejected, with the reason", () => {
    settings.apply("seed", { seed: 3 });
    settings.reject("seed", "the model is restarting");
    expect(settings.shown.seed).toBe(0);
    expect(settings.stateOf("seed")).toMatchObject({ name: "rejected", reason: "the model is restarting" });
  });

  it("keeps its state when another one is rejected", () => {
    settings.apply("strength", { strength: 0.4 });
    settings.apply("pruning.tau", { pruning: { tau: 0.9 } });
    settings.reject("pruning.tau", "no");
    expect(settings.shown).toMatchObject({ strength: 0.4, pruning: { tau: 0.2, tau2: 0.4 } });
  });

  it("changed during a pause is pending until the pause ends", () => {
    acknowledge("paused", { paused: true });
    settings.apply("strength", { strength: 0.4 });
    acknowledge("strength", { strength: 0.4 }, true);
    vi.advanceTimersByTime(60_000);
    telemetry({ ...PARAMETERS, paused: true, strength: 0.4 });
    expect([settings.shown.strength, settings.stateOf("strength")]).toMatchObject([0.4, { name: "applied", pending: true }]);
    settings.apply("paused", { paused: false });
    acknowledge("paused", { paused: false });
    expect(settings.stateOf("strength")).toMatchObject({ name: "applied", pending: false });
  });
});

it("a dragged slider stays where it is, whatever else changes its parameter", () => {
  settings.drag({ control: "strength", changes: { strength: 0.3 } });
  settings.apply("strength", { strength: 0.4 });
  acknowledge("strength", { strength: 0.4 });
  vi.advanceTimersByTime(5000);
  telemetry({ ...PARAMETERS, strength: 0.9 });
  expect([settings.shown.strength, settings.current.strength]).toEqual([0.4, 0.9]);
  settings.drag(null);
  expect(settings.shown.strength).toBe(0.9);
});

it("token counts are those of the prompt that is shown", () => {
  settings.apply("prompt", { prompt: "long" });
  settings.acknowledge(["prompt"], { block: 7, pending: false, parameters: { ...PARAMETERS, prompt: "long" }, prompt_tokens: { used: 64, given: 80, unknown_words: [] } });
  expect(settings.promptTokens).toEqual({ used: 64, given: 80, unknown_words: [] });
  telemetry(PARAMETERS, { used: 3, given: 3, unknown_words: [] }); // sent before the change the acknowledgement
  expect(settings.promptTokens).toEqual({ used: 64, given: 80, unknown_words: [] });
  settings.type("prompt", { prompt: "longer" });
  expect(settings.promptTokens).toBeNull();
});

it("a parked session is shown with the changes made since", () => {
  settings.prepare("seed", { seed: 9 });
  settings.previewSession({ ...PARAMETERS, strength: 0.8, paused: true });
  expect(settings.shown).toMatchObject({ seed: 9, strength: 0.8, paused: false });
});

describe("a typed text", () => {
  it("is not the session's value, and is not overwritten by it", () => {
    settings.type("prompt", { prompt: "a pencil sk" });
    telemetry({ ...PARAMETERS, prompt: "by REST" });
    expect([settings.shown.prompt, settings.current.prompt, settings.stateOf("prompt").name]).toEqual(["a pencil sk", "by REST", "typed"]);
    settings.type("prompt", { prompt: "by REST" });
    expect(settings.stateOf("prompt").name).toBe("synced");
  });

  it("is kept after a rejection, unlike a style", () => {
    settings.type("prompt", { prompt: "a long text" });
    settings.apply("prompt", { prompt: "a long text" });
    settings.reject("prompt", "the model is restarting");
    expect(settings.shown.prompt).toBe("a long text");
    settings.apply("prompt", { prompt: "a style's" });
    settings.reject("prompt", "the model is restarting");
    expect(settings.shown.prompt).toBe(PARAMETERS.prompt);
  });
});

describe("the next session", () => {
  it("starts with what is shown: set, typed, unacknowledged, or changed over REST; never paused", () => {
    telemetry({ ...PARAMETERS, seed: 5, paused: true });
    settings.type("prompt", { prompt: "typed" });
    settings.apply("strength", { strength: 0.4 });
    settings.endSession();
    settings.prepare("pruning.min_keep", { pruning: { min_keep: 0.1 } });
    expect(settings.initialChanges).toEqual({ seed: 5, prompt: "typed", strength: 0.4, pruning: { min_keep: 0.1 } });
    expect(settings.stateOf("strength").name).toBe("synced");
  });

  it("starts without changes that equal the preset", () => {
    settings.prepare("seed", { seed: 0 });
    expect(settings.initialChanges).toEqual({});
  });
});

it("the most recently used of several controls is known", () => {
  settings.apply("paused", { paused: true });
  settings.apply("reset", { reset: true });
  expect(settings.lastUsed(["paused", "reset"])).toBe("reset");
  settings.apply("paused", { paused: false });
  expect(settings.lastUsed(["paused", "reset"])).toBe("paused");
  expect(settings.lastUsed(["prompt"])).toBe("prompt");
});

it("strength and steps clear each other; lists are compared by value", () => {
  const steps = { ...PARAMETERS, denoising_steps: [400, 200] };
  expect(applyChanges(steps, { strength: 0.5 })).toMatchObject({ strength: 0.5, denoising_steps: null });
  expect(differences(PARAMETERS, steps)).toEqual({ denoising_steps: [400, 200] });
  expect(differences(steps, { ...PARAMETERS, denoising_steps: [400, 200] })).toEqual({});
  expect(containsChanges(steps, { reset: true })).toBe(true);
});
