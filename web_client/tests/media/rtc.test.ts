import { expect, it } from "vitest";
import { preferH264 } from "../../src/media/rtc";

it("offers H.264 first and keeps the order of the other codecs", () => {
  const codecs = ["video/VP8", "video/rtx", "video/H264", "video/AV1", "video/H264"].map((mimeType, i) => ({ mimeType, i }));
  expect(preferH264(codecs).map(({ i }) => i)).toEqual([2, 4, 0, 1, 3]);
});
