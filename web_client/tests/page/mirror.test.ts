import { expect, it } from "vitest";
import { isFrontCamera } from "../../src/page/mirror";

it("a camera that faces the user is a front camera", () => {
  expect(isFrontCamera({ facingMode: "user" }, "Camera 1")).toBe(true);
  expect(isFrontCamera({ facingMode: "environment" }, "Front of house")).toBe(false);
});

it("where the browser does not say, the camera's name decides", () => {
  expect(isFrontCamera({}, "FaceTime HD Camera")).toBe(true);
  expect(isFrontCamera({}, "Integrated Webcam")).toBe(true);
  expect(isFrontCamera({}, "USB microscope")).toBe(false);
});
