// The camera: asking for it, listing what there is.

import type { Preset } from "./protocol";

const FRAME_RATE = 30;

export interface CameraChoice {
  deviceId: string;
  label: string;
}

/** A browser hands out cameras on secure pages only; elsewhere `mediaDevices` does not even exist. */
export function cameraIsAllowed(): boolean {
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
  for (const track of stream.getVideoTracks()) track.contentHint = "motion"; // when bits are short, keep the frame rate
  return stream;
}

/** Names are empty until the camera was allowed once. */
export async function listCameras(): Promise<CameraChoice[]> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices
    .filter((device) => device.kind === "videoinput")
    .map(({ deviceId, label }, i) => ({ deviceId, label: label === "" ? `Camera ${i + 1}` : label }));
}

/** Tells of devices that come and go, and of permissions that are given or taken, where the browser tells of those. */
export function onDevicesChanged(changed: () => void): void {
  navigator.mediaDevices.addEventListener("devicechange", changed);
  for (const name of ["camera", "microphone"]) void onPermission(name as PermissionName, changed);
}

async function onPermission(name: PermissionName, changed: () => void): Promise<void> {
  try {
    (await navigator.permissions.query({ name })).addEventListener("change", changed);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // a browser without this permission's name
  }
}
