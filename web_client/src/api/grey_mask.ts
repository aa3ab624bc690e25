// Grey pictures as the parameter `region.mask` has them: WIDTHxHEIGHT:DATA, one byte per pixel, zlib, base64.

export interface GreyMask {
  width: number;
  height: number;
  /** Row by row; 0 outside, 255 inside. */
  levels: Uint8Array<ArrayBuffer>;
}

export async function encodeMask({ width, height, levels }: GreyMask): Promise<string> {
  const compressed = await through(levels, new CompressionStream("deflate"));
  const characters = Array.from(compressed, (byte) => String.fromCharCode(byte));
  return `${width}x${height}:${btoa(characters.join(""))}`;
}

/** A mask that the server has accepted. */
export async function decodeMask(text: string): Promise<GreyMask> {
  const [size = "", data = ""] = text.split(":");
  const [width = 0, height = 0] = size.split("x").map(Number);
  const compressed = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  return { width, height, levels: await through(compressed, new DecompressionStream("deflate")) };
}

async function through(bytes: Uint8Array<ArrayBuffer>, transform: CompressionStream | DecompressionStream): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(transform)).arrayBuffer());
}
