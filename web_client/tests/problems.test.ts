import { describe, expect, it } from "vitest";
import { Refused, Unreachable } from "../src/api";
import { isTransient, MediaLost, problemOf, sentence, SessionFailed, Unplayable } from "../src/problems";

describe("what went wrong is told", () => {
  it.each([
    ["NotAllowedError", "The camera is blocked"],
    ["NotFoundError", "No camera was found"],
    ["NotReadableError", "The camera is in use"],
  ])("%s of the camera", (name, title) => {
    const problem = problemOf(new DOMException("Permission denied", name));
    expect(problem).toMatchObject({ kind: "device", title });
    expect(problem.advice).not.toBe("");
  });

  it("a file that cannot be played, by its name", () => {
    const problem = problemOf(new Unplayable("clip.xyz", "this browser does not know its format"));
    expect(problem.title).toBe("clip.xyz cannot be played");
    expect(problem.advice).toContain("This browser does not know its format.");
  });

  it("with the server's own reason", () => {
    expect(problemOf(new Refused(503, "both slots are taken")).advice).toContain("Both slots are taken.");
    expect(problemOf(new Refused(422, "the offer has no video")).advice).toBe("The offer has no video.");
    expect(problemOf(new SessionFailed("out of memory")).advice).toContain("Out of memory.");
    expect(problemOf(new MediaLost("nothing within 15 s")).advice).toContain("UDP");
  });
});

it("only what may pass by itself is tried again", () => {
  expect([new Unreachable(null), new MediaLost("x"), new Refused(503, "x")].map(isTransient)).toEqual([true, true, true]);
  expect([new Refused(422, "x"), new SessionFailed("x"), new DOMException("x", "NotFoundError")].map(isTransient)).toEqual([false, false, false]);
});

it("a reason becomes a sentence", () => {
  expect(sentence("no slot is free")).toBe("No slot is free.");
  expect(sentence("Really?")).toBe("Really?");
});
