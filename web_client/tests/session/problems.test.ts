import { describe, expect, it } from "vitest";
import { ApiError, ServerUnreachable } from "../../src/api/client";
import { MediaConnectionLost, UnplayableFile, WebRtcMissing } from "../../src/media/errors";
import { isTransient, problemOf, SessionFailed } from "../../src/session/problems";
import { watchProblemOf } from "../../src/session/viewer";
import { toSentence } from "../../src/texts";

describe("an error is shown", () => {
  it.each([
    ["NotAllowedError", "The camera is blocked"],
    ["NotFoundError", "No camera was found"],
    ["NotReadableError", "The camera is in use"],
  ])("%s of the camera", (name, title) => {
    const problem = problemOf(new DOMException("Permission denied", name));
    expect(problem).toMatchObject({ kind: "device", title });
    expect(problem.advice).not.toBe("");
  });

  it("with the name of a file that cannot be played", () => {
    const problem = problemOf(new UnplayableFile("clip.xyz", "this browser does not know its format"));
    expect(problem.title).toBe("clip.xyz cannot be played");
    expect(problem.advice).toContain("This browser does not know its format.");
  });

  it("with what is missing in the browser", () => {
    expect(problemOf(new WebRtcMissing())).toMatchObject({ title: "This browser cannot send or receive live video" });
    expect(watchProblemOf(new WebRtcMissing())).toMatchObject({ retry_ms: null });
    expect(isTransient(new WebRtcMissing())).toBe(false);
  });

  it("with the server's own reason", () => {
    expect(problemOf(new ApiError(503, "both slots are taken")).advice).toContain("Both slots are taken.");
    expect(problemOf(new ApiError(422, "the offer has no video")).advice).toBe("The offer has no video.");
    expect(problemOf(new SessionFailed("out of memory")).advice).toContain("Out of memory.");
    expect(problemOf(new MediaConnectionLost("nothing within 15 s")).advice).toContain("UDP");
  });
});

it("only transient errors are retried", () => {
  expect([new ServerUnreachable(null), new MediaConnectionLost("x"), new ApiError(503, "x")].map(isTransient)).toEqual([true, true, true]);
  expect([new ApiError(422, "x"), new SessionFailed("x"), new DOMException("x", "NotFoundError")].map(isTransient)).toEqual([false, false, false]);
});

it("a reason is turned into a sentence", () => {
  expect(toSentence("no slot is free")).toBe("No slot is free.");
  expect(toSentence("Really?")).toBe("Really?");
});
