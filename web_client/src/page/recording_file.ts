// Where a recording is written: a file that the user chooses or, where browsers have no such thing, memory and then a download.

import { REASONS } from "../texts";
import { download } from "./download";

const MAX_BYTES = 2 ** 30; // in memory

export interface RecordingFile {
  name: string;
  write: (chunk: Blob) => Promise<void>;
  /** Saves what was written. */
  close: () => Promise<void>;
}

interface FilePicker {
  showSaveFilePicker?: (options: { suggestedName: string }) => Promise<FileSystemFileHandle>;
}

/** Null: the user has chosen no file. */
export async function openRecordingFile(name: string, type: string): Promise<RecordingFile | null> {
  const pick = (window as FilePicker).showSaveFilePicker;
  if (pick === undefined) return memoryFile(name, type);
  try {
    const handle = await pick.call(window, { suggestedName: name });
    const stream = await handle.createWritable();
    return { name: handle.name, write: (chunk) => stream.write(chunk), close: () => stream.close() };
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return null;
    throw error;
  }
}

function memoryFile(name: string, type: string): RecordingFile {
  const chunks: Blob[] = [];
  let size = 0;
  return {
    name,
    write: (chunk) => {
      if (size + chunk.size > MAX_BYTES) return Promise.reject(new Error(REASONS.recordingTooLong));
      size += chunk.size;
      chunks.push(chunk);
      return Promise.resolve();
    },
    close: () => {
      download(name, new Blob(chunks, { type }));
      return Promise.resolve();
    },
  };
}
