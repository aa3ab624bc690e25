// Runs in a page: draws numbered frames, sends them, and reads the numbers of the edited frames.
// The server's echo inverts them. A number is drawn as two rows of bars, plain and complemented, so that a damaged frame
// is detected.

const WIDTH = 832, HEIGHT = 480, BITS = 16, BAR = WIDTH / BITS, ROW = 48;
const shapes = Array.from({ length: 40 }, (_, i) => ({ x: (i * 211) % WIDTH, y: (i * 97) % HEIGHT, r: 12 + (i * 7) % 40, hue: i * 9 }));

function drawBarcode(context, number) {
  for (let bit = 0; bit < BITS; bit++) {
    for (const row of [0, 1]) {
      context.fillStyle = ((number >> bit) & 1) === row ? "black" : "white";
      context.fillRect(bit * BAR, row * ROW, BAR, ROW);
    }
  }
}

function draw(context, number) {
  context.fillStyle = "hsl(210, 30%, 40%)";
  context.fillRect(0, 0, WIDTH, HEIGHT);
  for (const { x, y, r, hue } of shapes) {
    context.fillStyle = `hsl(${hue}, 60%, 55%)`;
    context.beginPath();
    context.arc((x + number * (1 + r / 20)) % WIDTH, y, r, 0, 7);
    context.fill();
  }
  drawBarcode(context, number);
}

function read(video, small) {
  small.drawImage(video, 0, 0, video.videoWidth, video.videoHeight * 2 * ROW / HEIGHT, 0, 0, BITS * 4, 8);
  const { data } = small.getImageData(0, 0, BITS * 4, 8);
  const lit = (bit, y) => data[(y * BITS * 4 + bit * 4 + 2) * 4 + 1] > 127;
  let number = 0;
  for (let bit = 0; bit < BITS; bit++) {
    if (lit(bit, 1) === lit(bit, 5)) return null;
    if (!lit(bit, 1)) number |= 1 << bit; // inverted
  }
  return number;
}

async function gatheringCompletes(pc) {
  while (pc.iceGatheringState !== "complete") await new Promise((done) => setTimeout(done, 10));
}

async function offer(path, sdp, more) {
  const body = JSON.stringify({ type: "offer", sdp, ...more });
  const reply = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  if (!reply.ok) throw new Error(`${reply.status}: ${await reply.text()}`);
  return reply.json();
}

// Starts a session; `window.received` collects [time, latency] of the received frames, in ms; latency null: not readable.
window.startSession = async ({ fps, codec }) => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [WIDTH, HEIGHT];
  document.body.replaceChildren(canvas);
  const context = canvas.getContext("2d", { alpha: false }), drawn = new Map();
  const [camera] = canvas.captureStream(0).getVideoTracks();
  let number = 0;
  setInterval(() => {
    number = (number + 1) % (1 << BITS);
    draw(context, number);
    drawn.set(number, performance.now());
    drawn.delete((number + (1 << BITS) - 1000) % (1 << BITS));
    camera.requestFrame();
  }, 1000 / fps);
  camera.contentHint = "motion";
  [window.camera, window.drawn] = [new MediaStream([camera]), drawn];

  const pc = new RTCPeerConnection();
  const startedMs = performance.now();
  const transceiver = pc.addTransceiver(camera, { direction: "sendrecv" });
  const { codecs } = RTCRtpReceiver.getCapabilities("video");
  const isPreferred = (capability) => capability.mimeType === `video/${codec}`;
  transceiver.setCodecPreferences([...codecs.filter(isPreferred), ...codecs.filter((capability) => !isPreferred(capability))]);
  transceiver.receiver.jitterBufferTarget = 0;
  const telemetry = pc.createDataChannel("telemetry", { ordered: false, maxRetransmits: 0 });
  const video = document.createElement("video");
  [video.muted, video.autoplay, video.playsInline] = [true, true, true];
  document.body.append(video);
  window.received = [];
  const small = new OffscreenCanvas(BITS * 4, 8).getContext("2d", { willReadFrequently: true });
  const look = () => {
    const now = performance.now();
    const number = read(video, small);
    window.received.push([now, number !== null && drawn.has(number) ? now - drawn.get(number) : null]);
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  pc.ontrack = ({ track }) => { video.srcObject = new MediaStream([track]); };
  pc.onconnectionstatechange = () => { if (pc.connectionState === "connected") window.connectedMs ??= performance.now() - startedMs; };

  await pc.setLocalDescription();
  await gatheringCompletes(pc);
  const answer = await offer("/api/v1/sessions", pc.localDescription.sdp, {});
  await pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
  const parameters = transceiver.sender.getParameters();
  for (const encoding of parameters.encodings) encoding.maxBitrate = WIDTH * HEIGHT * 30 * 0.2; // as the live page sets it
  await transceiver.sender.setParameters(parameters);

  let before = {};
  setInterval(async () => {
    const reports = Object.fromEntries([...(await pc.getStats()).values()].map((report) => [report.type, report]));
    const inbound = reports["inbound-rtp"];
    const outbound = reports["outbound-rtp"];
    if (!inbound || !outbound) return;
    const since = (stats, name) => stats[name] - (before[stats.type]?.[name] ?? 0);
    window.stats = {
      playout_ms: since(inbound, "totalProcessingDelay") / since(inbound, "framesDecoded") * 1000,
      camera_ms: (since(outbound, "totalEncodeTime") + since(outbound, "totalPacketSendDelay")) / since(outbound, "framesEncoded") * 1000,
      freezes: inbound.freezeCount,
      keyframes: inbound.keyFramesDecoded,
      sent_height: outbound.frameHeight,
    };
    before = { "inbound-rtp": inbound, "outbound-rtp": outbound };
    if (telemetry.readyState === "open") telemetry.send(JSON.stringify({ playout_ms: window.stats.playout_ms }));
  }, 1000);
  return answer.id;
};

// Median time in ms from drawing a frame to showing it in this page, without a network.
window.preview = async () => {
  const video = document.createElement("video"), took = [];
  [video.muted, video.srcObject] = [true, window.camera];
  document.body.append(video);
  await video.play();
  const small = new OffscreenCanvas(BITS * 4, 8).getContext("2d", { willReadFrequently: true });
  await new Promise((done) => {
    const look = () => {
      const number = read(video, small);
      if (number !== null) took.push(performance.now() - window.drawn.get(number ^ 0xffff));
      if (took.length < 90) video.requestVideoFrameCallback(look);
      else done();
    };
    video.requestVideoFrameCallback(look);
  });
  video.remove();
  return took.sort((a, b) => a - b)[took.length / 2];
};
