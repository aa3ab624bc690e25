// Opening the camera and listing the cameras of this device.

import type { Preset } from "../api/protocol";
import { SOURCES } from "../texts";

const FRAME_RATE = 30;

export interface CameraOption {
  deviceId: string;
  label: string;
}

/** Browsers allow cameras in secure contexts only; elsewhere `mediaDevices` is undefined. */
export function isCameraAllowed(): boolean {
  return window.isSecureContext && "mediaDevices" in navigator;
}

/** Throws the browser's DOMException where the camera is denied, absent or in use. */
export async function openCamera(deviceId: string, { width, height }: Preset): Promise<MediaStream> {
  const video: MediaTrackConstraints = {
    width: { ideal: width },
    height: { ideal: height },
    frameRate: { ideal: FRAME_RATE },
  };
  if (deviceId !== "") video.deviceId = { exact: deviceId };
  const stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
  for (const track of stream.getVideoTracks()) track.contentHint = "motion"; // at low bitrates, keep the frame rate
  return stream;
}

/** Labels are empty until the camera permission was granted once. */
export async function listCameras(): Promise<CameraOption[]> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices
    .filter((device) => device.kind === "videoinput")
    .map(({ deviceId, label }, i) => ({ deviceId, label: label === "" ? SOURCES.numberedCamera(i + 1) : label }));
}

/** Calls `changed` when devices or their permissions change, as far as the browser reports it. */
export function onDevicesChanged(changed: () => void): void {
  navigator.mediaDevices.addEventListener("devicechange", changed);
  for (const name of ["camera", "microphone"]) void onPermissionChanged(name as PermissionName, changed);
}

async function onPermissionChanged(name: PermissionName, changed: () => void): Promise<void> {
  try {
    (await navigator.permissions.query({ name })).addEventListener("change", changed);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // this browser does not know the permission's name
  }
}
