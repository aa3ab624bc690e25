// Sends masks of the region, each of a source frame, over one connection after the other: bounded, the newest wins.

import type { GreyMask } from "../api/grey_mask";

const LABEL = "region-masks";
const MAX_UNSENT_BYTES = 16_384; // in the data channel's buffer; beyond it only the newest mask waits
const HEADER_BYTES = 12;

type Connection = Pick<RTCPeerConnection, "createDataChannel" | "signalingState">;

export class RegionMasks {
  private connection: Connection | null = null;
  private channel: RTCDataChannel | null = null; // null: none was sent over this connection
  private waiting: ArrayBuffer | null = null;
  private readonly epoch_ms = Date.now() - performance.now(); // Unix time of 0 on the page's clock

  /** `rejected`: the server has rejected a mask. */
  constructor(private readonly rejected: (reason: string) => void) {}

  /** A new connection replaces an earlier one. It must have a data channel when it is negotiated. */
  useConnection(connection: Connection): void {
    this.connection = connection;
    this.channel = null;
    this.waiting = null;
  }

  /** `captured_ms`: when the mask's frame was captured, on this page's clock. Without a connection it is dropped. */
  send(captured_ms: number, mask: GreyMask): void {
    this.waiting = maskMessage(captured_ms + this.epoch_ms, mask);
    this.flush(this.openChannel());
  }

  private openChannel(): RTCDataChannel | null {
    if (this.channel !== null || this.connection === null || this.connection.signalingState === "closed") return this.channel;
    const channel = (this.channel = this.connection.createDataChannel(LABEL, { ordered: false, maxRetransmits: 0 }));
    channel.bufferedAmountLowThreshold = MAX_UNSENT_BYTES / 2;
    for (const event of ["open", "bufferedamountlow"]) {
      channel.addEventListener(event, () => {
        this.flush(channel);
      });
    }
    channel.addEventListener("message", ({ data }: MessageEvent<string>) => {
      this.rejected((JSON.parse(data) as { error: { message: string } }).error.message);
    });
    return channel;
  }

  private flush(channel: RTCDataChannel | null): void {
    const message = this.waiting;
    if (message === null || channel === null || channel !== this.channel) return;
    if (channel.readyState !== "open" || channel.bufferedAmount > MAX_UNSENT_BYTES) return;
    this.waiting = null;
    channel.send(message);
  }
}

/** Capture time in Unix milliseconds, rows, columns (64, 16, 16 bits, big-endian), then a byte per pixel. */
export function maskMessage(captured_ms: number, { width, height, levels }: GreyMask): ArrayBuffer {
  const message = new ArrayBuffer(HEADER_BYTES + levels.length);
  const header = new DataView(message);
  header.setFloat64(0, captured_ms);
  header.setUint16(8, height);
  header.setUint16(10, width);
  new Uint8Array(message, HEADER_BYTES).set(levels);
  return message;
}

const PIXELS_PER_CELL = [8, 16, 32] as const; // of the edited picture: half a token, a token, two
const MAX_CELLS = 8192; // of a mask, which the server accepts

/** The finest mask of an edited picture of this size that the server accepts. */
export function maskSize(width: number, height: number): { width: number; height: number } {
  const sizes = PIXELS_PER_CELL.map((cell) => ({ width: Math.max(1, Math.round(width / cell)), height: Math.max(1, Math.round(height / cell)) }));
  return sizes.find((size) => size.width * size.height <= MAX_CELLS) ?? { width: 1, height: 1 };
}
