import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Changes, Parameters, PromptTokens } from "../src/protocol";
import { applyChanges, differences, hasChanges } from "../src/session/parameters";
import { Settings } from "../src/session/settings";
import { PARAMETERS } from "./world";

let settings: Settings;

beforeEach(() => {
  vi.useFakeTimers();
  settings = new Settings(PARAMETERS, () => undefined);
});

afterEach(() => {
  vi.useRealTimers();
});

/** The server has taken this control's change. */
function acknowledge(control: string, changes: Changes, pending = false): void {
  settings.acknowledge([control], { block: 7, pending, parameters: applyChanges(settings.held, changes) });
}

/** Telemetry. */
function follow(parameters: Parameters, prompt_tokens: PromptTokens | null = null): void {
  settings.follow({ parameters, prompt_tokens });
}

describe("a control", () => {
  it("follows what the session has while it is untouched", () => {
    follow({ ...PARAMETERS, strength: 0.7, prompt: "by REST" });
    expect(settings.shown).toMatchObject({ strength: 0.7, prompt: "by REST" });
    expect(settings.of("strength").name).toBe("held");
  });

  it("shows what was asked for until the answer comes, and then what holds", () => {
    settings.apply("strength", { strength: 0.4 });
    follow(PARAMETERS); // from before
    expect([settings.shown.strength, settings.held.strength, settings.of("strength").name]).toEqual([0.4, null, "applying"]);
    acknowledge("strength", { strength: 0.4 });
    expect([settings.held.strength, settings.of("strength")]).toMatchObject([0.4, { name: "applied", block: 7, pending: false }]);
  });

  it("does not go back to telemetry that was sent before the answer", () => {
    settings.apply("strength", { strength: 0.4 });
    acknowledge("strength", { strength: 0.4 });
    vi.advanceTimersByTime(300);
    follow(PARAMETERS);
    expect([settings.shown.strength, settings.of("strength").name]).toEqual([0.4, "applied"]);
    vi.advanceTimersByTime(2000);
    follow({ ...PARAMETERS, strength: 0.9 }); // somebody else, later
    expect([settings.shown.strength, settings.of("strength").name]).toEqual([0.9, "held"]);
  });

  it("goes back to what holds when it is refused, with the reason", () => {
    settings.apply("seed", { seed: 3 });
    settings.refuse("seed", "the model is restarting");
    expect(settings.shown.seed).toBe(0);
    expect(settings.of("seed")).toMatchObject({ name: "refused", reason: "the model is restarting" });
  });

  it("that another was changed beside keeps its own state", () => {
    settings.apply("strength", { strength: 0.4 });
    settings.apply("pruning.tau", { pruning: { tau: 0.9 } });
    settings.refuse("pruning.tau", "no");
    expect(settings.shown).toMatchObject({ strength: 0.4, pruning: { tau: 0.2, tau2: 0.4 } });
  });

  it("changed during a pause says so until the pause ends", () => {
    acknowledge("paused", { paused: true });
    settings.apply("strength", { strength: 0.4 });
    acknowledge("strength", { strength: 0.4 }, true);
    vi.advanceTimersByTime(60_000);
    follow({ ...PARAMETERS, paused: true, strength: 0.4 });
    expect([settings.shown.strength, settings.of("strength")]).toMatchObject([0.4, { name: "applied", pending: true }]);
    settings.apply("paused", { paused: false });
    acknowledge("paused", { paused: false });
    expect(settings.of("strength")).toMatchObject({ name: "applied", pending: false });
  });
});

it("a slider under the user's finger stays where it is, whoever else sets it", () => {
  settings.grab({ control: "strength", changes: { strength: 0.3 } });
  settings.apply("strength", { strength: 0.4 });
  acknowledge("strength", { strength: 0.4 });
  vi.advanceTimersByTime(5000);
  follow({ ...PARAMETERS, strength: 0.9 });
  expect([settings.shown.strength, settings.held.strength]).toEqual([0.4, 0.9]);
  settings.grab(null);
  expect(settings.shown.strength).toBe(0.9);
});

it("what a text encoder reads is told of the prompt that is shown, and of no other", () => {
  settings.apply("prompt", { prompt: "long" });
  settings.acknowledge(["prompt"], { block: 7, pending: false, parameters: { ...PARAMETERS, prompt: "long" }, prompt_tokens: { used: 64, given: 80 } });
  expect(settings.tokens).toEqual({ used: 64, given: 80 });
  follow(PARAMETERS, { used: 3, given: 3 }); // from before the acknowledgement
  expect(settings.tokens).toEqual({ used: 64, given: 80 });
  settings.type("prompt", { prompt: "longer" });
  expect(settings.tokens).toBeNull();
});

it("a session that waits for this page is shown as it is, with what was set here since", () => {
  settings.prepare("seed", { seed: 9 });
  settings.expect({ ...PARAMETERS, strength: 0.8, paused: true });
  expect(settings.shown).toMatchObject({ seed: 9, strength: 0.8, paused: false });
});

describe("a typed text", () => {
  it("is neither what holds nor overwritten by it", () => {
    settings.type("prompt", { prompt: "a pencil sk" });
    follow({ ...PARAMETERS, prompt: "by REST" });
    expect([settings.shown.prompt, settings.held.prompt, settings.of("prompt").name]).toEqual(["a pencil sk", "by REST", "typed"]);
    settings.type("prompt", { prompt: "by REST" });
    expect(settings.of("prompt").name).toBe("held");
  });

  it("outlives a refusal, where a choice beside it does not", () => {
    settings.type("prompt", { prompt: "a long text" });
    settings.apply("prompt", { prompt: "a long text" });
    settings.refuse("prompt", "the model is restarting");
    expect(settings.shown.prompt).toBe("a long text");
    settings.apply("prompt", { prompt: "a style's" });
    settings.refuse("prompt", "the model is restarting");
    expect(settings.shown.prompt).toBe(PARAMETERS.prompt);
  });
});

describe("the next session", () => {
  it("begins with what is shown: set, typed, under way, or changed over REST; never paused", () => {
    follow({ ...PARAMETERS, seed: 5, paused: true });
    settings.type("prompt", { prompt: "typed" });
    settings.apply("strength", { strength: 0.4 });
    settings.end();
    settings.prepare("pruning.min_keep", { pruning: { min_keep: 0.1 } });
    expect(settings.wanted).toEqual({ seed: 5, prompt: "typed", strength: 0.4, pruning: { min_keep: 0.1 } });
    expect(settings.of("strength").name).toBe("held");
  });

  it("is asked for nothing that the preset has already", () => {
    settings.prepare("seed", { seed: 0 });
    expect(settings.wanted).toEqual({});
  });
});

it("of several controls the one used last is known", () => {
  settings.apply("paused", { paused: true });
  settings.apply("reset", { reset: true });
  expect(settings.newest(["paused", "reset"])).toBe("reset");
  settings.apply("paused", { paused: false });
  expect(settings.newest(["paused", "reset"])).toBe("paused");
  expect(settings.newest(["prompt"])).toBe("prompt");
});

it("strength and steps release each other; lists are compared by value", () => {
  const steps = { ...PARAMETERS, denoising_steps: [400, 200] };
  expect(applyChanges(steps, { strength: 0.5 })).toMatchObject({ strength: 0.5, denoising_steps: null });
  expect(differences(PARAMETERS, steps)).toEqual({ denoising_steps: [400, 200] });
  expect(differences(steps, { ...PARAMETERS, denoising_steps: [400, 200] })).toEqual({});
  expect(hasChanges(steps, { reset: true })).toBe(true);
});
