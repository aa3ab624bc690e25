// Shared by the editor's and the viewer's RTCPeerConnection.

import { REASONS } from "../texts";
import { WebRtcMissing } from "./errors";

const GATHERING_TIMEOUT_MS = 2000;
const DISCONNECTED_GRACE_MS = 4000;

/** Throws `WebRtcMissing`. */
export function createConnection(iceServers: RTCIceServer[]): RTCPeerConnection {
  if (!("RTCPeerConnection" in window)) throw new WebRtcMissing();
  return new RTCPeerConnection({ iceServers });
}

/** The local SDP with all ICE candidates. */
export async function gatherLocalSdp(pc: RTCPeerConnection): Promise<string> {
  await pc.setLocalDescription();
  await new Promise<void>((resolve) => {
    const check = (): void => {
      if (pc.iceGatheringState === "complete") resolve();
    };
    pc.addEventListener("icegatheringstatechange", check);
    setTimeout(resolve, GATHERING_TIMEOUT_MS); // do not wait longer for a STUN server that does not respond
    check();
  });
  return pc.localDescription?.sdp ?? "";
}

/** Reports when the connection is established, and when it is lost for good. */
export function watchConnection(pc: RTCPeerConnection, connected: () => void, lost: (reason: string) => void): void {
  let grace: ReturnType<typeof setTimeout> | undefined;
  pc.addEventListener("connectionstatechange", () => {
    clearTimeout(grace);
    if (pc.connectionState === "connected") connected();
    else if (pc.connectionState === "failed") lost(REASONS.connectionFailed);
    else if (pc.connectionState === "disconnected") {
      grace = setTimeout(() => {
        if (pc.connectionState === "disconnected") lost(REASONS.connectionInterrupted);
      }, DISCONNECTED_GRACE_MS);
    }
  });
}

/** No jitter buffer delay: the server paces its frames. Call before creating the offer. */
export function minimizeReceiveDelay(transceiver: RTCRtpTransceiver): void {
  transceiver.setCodecPreferences(preferH264(RTCRtpReceiver.getCapabilities("video")?.codecs ?? []));
  transceiver.receiver.jitterBufferTarget = 0;
}

/** H.264 first: the server's H.264 encoder changes its bitrate without a keyframe. */
export function preferH264<C extends { mimeType: string }>(codecs: C[]): C[] {
  const isH264 = (codec: C): boolean => codec.mimeType.toLowerCase() === "video/h264";
  return [...codecs.filter(isH264), ...codecs.filter((codec) => !isH264(codec))];
}
