// Records a stream in the browser, chunk by chunk.

import { REASONS } from "../texts";

const CHUNK_MS = 1000;
const VIDEO_BITS_PER_SECOND = 8_000_000; // more than the server sends: little is lost by encoding again
const MAX_PENDING_BYTES = 64 * 2 ** 20; // chunks that the file has not taken yet
const SILENT_TYPES = ["video/mp4;codecs=avc1.640028", "video/webm;codecs=vp8", "video/webm"]; // VP8 costs less time than VP9
const SOUND_TYPES = ["video/mp4;codecs=avc1.640028,mp4a.40.2", "video/webm;codecs=vp8,opus", "video/webm"];

/** The type of a recording; null if this browser cannot record. With a sound codec but no sound Firefox records nothing. */
export function recordingType(withSound: boolean): string | null {
  if (typeof MediaRecorder === "undefined") return null;
  return (withSound ? SOUND_TYPES : SILENT_TYPES).find((type) => MediaRecorder.isTypeSupported(type)) ?? null;
}

/** The stream without silent sound: the recorder would wait for its first packet. */
export function withoutSilentSound(stream: MediaStream): MediaStream {
  return new MediaStream([...stream.getVideoTracks(), ...stream.getAudioTracks().filter(({ muted }) => !muted)]);
}

/**
 * Records the stream until `stop` or the end of the stream; resolves when `write` has taken all.
 * Rejects, having stopped, when `write` fails or falls behind.
 */
export function record(stream: MediaStream, type: string, write: (chunk: Blob) => Promise<void>, stop: AbortSignal): Promise<void> {
  const recorder = new MediaRecorder(stream, { mimeType: type, videoBitsPerSecond: VIDEO_BITS_PER_SECOND });
  const end = (): void => {
    if (recorder.state !== "inactive") recorder.stop();
  };
  let written = Promise.resolve();
  let pending = 0;
  const take = async (chunk: Blob): Promise<void> => {
    if (pending > MAX_PENDING_BYTES) throw new Error(REASONS.slowFile);
    await write(chunk);
    pending -= chunk.size;
  };
  recorder.addEventListener("dataavailable", ({ data }) => {
    pending += data.size;
    written = written.then(() => take(data));
    written.catch(end);
  });
  stop.addEventListener("abort", end);
  const ended = new Promise<void>((resolve, reject) => {
    recorder.addEventListener("error", ({ error }: Event & { error?: Error }) => {
      reject(error ?? new Error(REASONS.noneGiven));
    });
    recorder.addEventListener("stop", () => {
      written.then(resolve, reject);
    });
  });
  recorder.start(CHUNK_MS);
  return ended;
}
