// Errors of sources and media connections. The browser's own DOMExceptions are passed on unchanged.

import { REASONS } from "../texts";

/** The user closed a picker without a choice: not shown as an error. */
export class PickerCancelled extends Error {}

/** The operating system blocks screen capture by the browser. */
export class ScreenBlocked extends Error {}

/** A video file that this browser cannot play. */
export class UnplayableFile extends Error {
  constructor(
    readonly file: string,
    reason: string,
  ) {
    super(reason);
  }
}

/** This browser was built without WebRTC, for example WebKitGTK's. */
export class WebRtcMissing extends Error {
  constructor() {
    super(REASONS.noWebRtc);
  }
}

/** The media connection to the server could not be made, or was lost. */
export class MediaConnectionLost extends Error {}
