import { expect, it } from "vitest";
import { maskMessage, maskSize, RegionMasks } from "../../src/media/region_masks";
import { drawnRectangle } from "../../src/media/segmenter";

const MASK = { width: 3, height: 2, levels: Uint8Array.from([0, 128, 255, 255, 0, 0]) };

/** A connection whose only data channel is open; nothing of its buffer is sent. */
function openConnection(): { connection: Pick<RTCPeerConnection, "createDataChannel" | "signalingState">; channel: EventTarget & { sent: ArrayBuffer[]; bufferedAmount: number } } {
  const channel = Object.assign(new EventTarget(), {
    readyState: "open",
    sent: [] as ArrayBuffer[],
    bufferedAmount: 0,
    send(message: ArrayBuffer) {
      this.sent.push(message);
      this.bufferedAmount += message.byteLength;
    },
  });
  return { channel, connection: { signalingState: "stable", createDataChannel: () => channel as unknown as RTCDataChannel } };
}

it("a message has capture time, rows, columns and levels, as the server reads it", () => {
  const message = new DataView(maskMessage(1_795_737_329_000.5, MASK));
  expect(message.getFloat64(0)).toBe(1_795_737_329_000.5);
  expect([message.getUint16(8), message.getUint16(10)]).toEqual([2, 3]);
  expect([...new Uint8Array(message.buffer, 12)]).toEqual([...MASK.levels]);
});

it("the buffer is bounded, and the newest mask waits", () => {
  const { connection, channel } = openConnection();
  const masks = new RegionMasks(() => undefined);
  masks.send(0, MASK); // without a connection
  masks.useConnection(connection);
  for (let captured_ms = 1; captured_ms <= 5000; captured_ms++) masks.send(captured_ms, MASK);
  expect(channel.bufferedAmount).toBeLessThan(16_384 + 100);
  const before = channel.sent.length;
  channel.bufferedAmount = 0;
  channel.dispatchEvent(new Event("bufferedamountlow"));
  expect(channel.sent.length).toBe(before + 1);
  const times = channel.sent.map((message) => new DataView(message).getFloat64(0));
  expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeCloseTo(4999);
});

it("reports why the server rejects a mask", () => {
  const { connection, channel } = openConnection();
  const reasons: string[] = [];
  const masks = new RegionMasks((reason) => reasons.push(reason));
  masks.useConnection(connection);
  masks.send(1, MASK);
  channel.dispatchEvent(new MessageEvent("message", { data: '{"error": {"message": "captured_ms = 1: must be"}}' }));
  expect(reasons).toEqual(["captured_ms = 1: must be"]);
});

it.each([
  [416, 240, { width: 52, height: 30 }],
  [832, 480, { width: 104, height: 60 }],
  [1280, 720, { width: 80, height: 45 }],
])("a mask of a picture of %d x %d is as fine as the server accepts", (width, height, size) => {
  expect(maskSize(width, height)).toEqual(size);
});

it.each([
  ["crop", { x: 0, y: -30, width: 40, height: 80 }],
  ["fit", { x: 15, y: 0, width: 10, height: 20 }],
  ["stretch", { x: 0, y: 0, width: 40, height: 20 }],
] as const)("a portrait picture in a wide mask: %s", (fit, rectangle) => {
  expect(drawnRectangle({ width: 200, height: 400 }, { width: 40, height: 20 }, fit)).toEqual(rectangle);
});
