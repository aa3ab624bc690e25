// What every connection does, whichever way its video goes.

const GATHERING_TIMEOUT_MS = 2000;
const DISCONNECTED_GRACE_MS = 4000;

/** The local description with every candidate in it. */
export async function gathered(pc: RTCPeerConnection): Promise<string> {
  await pc.setLocalDescription();
  await new Promise<void>((resolve) => {
    const check = (): void => {
      if (pc.iceGatheringState === "complete") resolve();
    };
    pc.addEventListener("icegatheringstatechange", check);
    setTimeout(resolve, GATHERING_TIMEOUT_MS); // a silent STUN server must not hold up the rest
    check();
  });
  return pc.localDescription?.sdp ?? "";
}

/** Tells when the connection is made, and when it is lost for good. */
export function follow(pc: RTCPeerConnection, connected: () => void, lost: (reason: string) => void): void {
  let grace: ReturnType<typeof setTimeout> | undefined;
  pc.addEventListener("connectionstatechange", () => {
    clearTimeout(grace);
    if (pc.connectionState === "connected") connected();
    else if (pc.connectionState === "failed") lost("the connection failed");
    else if (pc.connectionState === "disconnected") {
      grace = setTimeout(() => {
        if (pc.connectionState === "disconnected") lost("the connection broke off");
      }, DISCONNECTED_GRACE_MS);
    }
  });
}

/** The newest picture at once: the server paces its frames already. To be called before the offer. */
export function receiveAtOnce(transceiver: RTCRtpTransceiver): void {
  transceiver.setCodecPreferences(h264First(RTCRtpReceiver.getCapabilities("video")?.codecs ?? []));
  transceiver.receiver.jitterBufferTarget = 0;
}

/** H264 first: the server's encoder can change its rate there without a new key frame. */
export function h264First<C extends { mimeType: string }>(codecs: C[]): C[] {
  const isH264 = (codec: C): boolean => codec.mimeType.toLowerCase() === "video/h264";
  return [...codecs.filter(isH264), ...codecs.filter((codec) => !isH264(codec))];
}
