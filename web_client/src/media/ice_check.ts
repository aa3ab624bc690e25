// Which ways out of this network a browser finds with the server's STUN and TURN servers, before any stream.

import { createConnection } from "./rtc";

const TIMEOUT_MS = 6000; // a STUN server that does not respond is asked for several seconds

export interface IceReach {
  /** "host": this device; "srflx": its public address, by STUN over UDP; "relay": through TURN. */
  candidates: RTCIceCandidateType[];
  stun: boolean; // the server names one
  /** Whether a STUN server has responded: also with the address of this device, which gives no candidate. */
  stunResponds: boolean;
  turn: boolean;
}

export async function checkIce(iceServers: RTCIceServer[]): Promise<IceReach> {
  const pc = createConnection(iceServers);
  const found = new Set<RTCIceCandidateType>();
  const urls = iceServers.flatMap((server) => server.urls);
  const stun = urls.some((url) => url.startsWith("stun"));
  const seen = { end: false, stunError: false };
  const turn = urls.some((url) => url.startsWith("turn"));
  try {
    pc.createDataChannel("check"); // without any medium nothing is gathered
    await new Promise<void>((resolve) => {
      setTimeout(resolve, TIMEOUT_MS);
      pc.addEventListener("icecandidate", ({ candidate }) => {
        if (candidate === null) {
          seen.end = true;
          resolve();
        } else if (candidate.type !== null) found.add(candidate.type);
      });
      pc.addEventListener("icecandidateerror", ({ url }) => {
        seen.stunError ||= url.startsWith("stun");
      });
      void pc.setLocalDescription();
    });
    const stunResponds = stun && (found.has("srflx") || (seen.end && !seen.stunError));
    return { candidates: [...found], stun, stunResponds, turn };
  } finally {
    pc.close();
  }
}
