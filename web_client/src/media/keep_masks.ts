// Which tokens of each edited frame were computed, as the server sends it while it is wanted; over one connection after the other.

const LABEL = "keep-masks";
const MAX_MASKS = 64;
const HEADER_BYTES = 8;

export interface KeepMask {
  /** The edited frame's RTP timestamp. */
  rtp: number;
  rows: number;
  cols: number;
  /** Row by row; 1 = computed, 0 = reused. */
  keep: Uint8Array;
}

type Connection = Pick<RTCPeerConnection, "createDataChannel" | "signalingState">;

export class KeepMasks {
  private readonly masks = new Map<number, KeepMask>(); // by RTP timestamp, in the order of arrival
  private connection: Connection | null = null;
  private channel: RTCDataChannel | null = null; // null: the server sends none
  private isWanted = false;

  /** A new connection replaces an earlier one. It must have a data channel when it is negotiated. */
  useConnection(connection: Connection): void {
    this.connection = connection;
    this.channel = null;
    this.masks.clear();
    this.openWanted();
  }

  setWanted(isWanted: boolean): void {
    this.isWanted = isWanted;
    if (isWanted) this.openWanted();
    else this.close();
  }

  /** The mask of the edited frame with this RTP timestamp; null if it has not arrived. */
  at(rtp: number | undefined): KeepMask | null {
    return rtp === undefined ? null : (this.masks.get(rtp) ?? null);
  }

  private openWanted(): void {
    if (!this.isWanted || this.channel !== null || this.connection === null || this.connection.signalingState === "closed") return;
    const channel = (this.channel = this.connection.createDataChannel(LABEL, { ordered: false, maxRetransmits: 0 }));
    channel.binaryType = "arraybuffer";
    channel.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer>) => {
      if (channel === this.channel) this.add(parseKeepMask(data));
    });
  }

  private close(): void {
    this.channel?.close();
    this.channel = null;
    this.masks.clear();
  }

  private add(mask: KeepMask): void {
    this.masks.set(mask.rtp, mask);
    const [oldest] = this.masks.keys();
    if (this.masks.size > MAX_MASKS && oldest !== undefined) this.masks.delete(oldest);
  }
}

/** A message: RTP timestamp, rows, columns (32, 16, 16 bits, big-endian), then a bit per token, the first in the most significant. */
export function parseKeepMask(message: ArrayBuffer): KeepMask {
  const header = new DataView(message);
  const rows = header.getUint16(4);
  const cols = header.getUint16(6);
  const bytes = new Uint8Array(message, HEADER_BYTES);
  const keep = Uint8Array.from({ length: rows * cols }, (_, token) => ((bytes[token >> 3] ?? 0) >> (7 - (token & 7))) & 1);
  return { rtp: header.getUint32(0), rows, cols, keep };
}

/** The computed part of the tokens, 0..1. */
export function keepRatio({ keep }: KeepMask): number {
  return keep.reduce((sum, bit) => sum + bit, 0) / Math.max(1, keep.length);
}
