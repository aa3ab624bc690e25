import { describe, expect, it } from "vitest";

import { keepRatio, KeepMasks, parseKeepMask } from "../../src/media/keep_masks";

/** As the server packs it: 3 x 5 tokens, of which the first, the tenth and the last are computed. */
function message(rtp: number): ArrayBuffer {
  const bytes = new Uint8Array(10);
  new DataView(bytes.buffer).setUint32(0, rtp);
  bytes.set([0, 3, 0, 5, 0b10000000, 0b01000010], 4);
  return bytes.buffer;
}

/** A data channel that is opened at once. */
class Channel extends EventTarget {
  binaryType = "blob";
  isClosed = false;

  close(): void {
    this.isClosed = true;
  }

  receive(data: ArrayBuffer): void {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }
}

class Connection {
  signalingState: RTCSignalingState = "stable";
  readonly channels: Channel[] = [];

  createDataChannel(): RTCDataChannel {
    const channel = new Channel();
    this.channels.push(channel);
    return channel as unknown as RTCDataChannel;
  }
}

describe("a message", () => {
  it("has the RTP timestamp and a bit per token", () => {
    const mask = parseKeepMask(message(0xfffffffe));
    expect(mask).toMatchObject({ rtp: 0xfffffffe, rows: 3, cols: 5 });
    expect([...mask.keep]).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
    expect(keepRatio(mask)).toBeCloseTo(3 / 15);
  });
});

describe("masks", () => {
  it("are received only while they are wanted", () => {
    const masks = new KeepMasks();
    const connection = new Connection();
    masks.useConnection(connection);
    expect(connection.channels).toEqual([]);
    masks.setWanted(true);
    const [channel] = connection.channels;
    channel?.receive(message(7));
    expect(masks.at(7)?.cols).toBe(5);
    expect(masks.at(8)).toBeNull();
    expect(masks.at(undefined)).toBeNull();
    masks.setWanted(false);
    channel?.receive(message(9)); // was on its way
    expect([channel?.isClosed, masks.at(7), masks.at(9)]).toEqual([true, null, null]);
  });

  it("continue over a new connection, and wait for one after the end of the last", () => {
    const masks = new KeepMasks();
    masks.setWanted(true);
    const ended = new Connection();
    masks.useConnection(ended);
    ended.signalingState = "closed";
    masks.setWanted(false);
    masks.setWanted(true);
    expect(ended.channels.length).toBe(1);
    const next = new Connection();
    masks.useConnection(next);
    ended.channels[0]?.receive(message(1)); // of the earlier connection
    next.channels[0]?.receive(message(2));
    expect([masks.at(1), masks.at(2)?.rtp]).toEqual([null, 2]);
  });

  it("are bounded: the oldest are forgotten", () => {
    const masks = new KeepMasks();
    masks.setWanted(true);
    const connection = new Connection();
    masks.useConnection(connection);
    for (let rtp = 0; rtp < 100; rtp++) connection.channels[0]?.receive(message(rtp));
    expect([masks.at(35), masks.at(36)?.rtp, masks.at(99)?.rtp]).toEqual([null, 36, 99]);
  });
});
