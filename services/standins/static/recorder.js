// A voice note from the microphone, where the browser offers one.

const TYPES = ["audio/ogg;codecs=opus", "audio/webm;codecs=opus"];
const LONGEST_SECONDS = 120;

/** The first type that the browser records and the stand-ins take; undefined where there is none. */
const type = () =>
  globalThis.MediaRecorder && navigator.mediaDevices?.getUserMedia
    ? TYPES.find((one) => MediaRecorder.isTypeSupported(one))
    : undefined;

export const canRecord = () => type() !== undefined;

/** Records until it is stopped. Throws where there is no microphone or it may not be used. */
export class Recording {
  static async start(ontick) {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    return new Recording(stream, ontick);
  }

  constructor(stream, ontick) {
    this.stream = stream;
    this.pieces = [];
    this.recorder = new MediaRecorder(stream, { mimeType: type() });
    this.recorder.addEventListener("dataavailable", (event) => this.pieces.push(event.data));
    this.recorder.start();
    const began = performance.now();
    this.timer = setInterval(() => {
      const seconds = Math.floor((performance.now() - began) / 1000);
      ontick(seconds);
      if (seconds >= LONGEST_SECONDS && this.recorder.state === "recording") this.recorder.pause();
    }, 250);
  }

  /** Ends it; what was said, as a blob. */
  async stop() {
    clearInterval(this.timer);
    const ended = new Promise((resolve) => this.recorder.addEventListener("stop", resolve, { once: true }));
    this.recorder.stop();
    await ended;
    for (const track of this.stream.getTracks()) track.stop();
    return new Blob(this.pieces, { type: this.recorder.mimeType.replaceAll(" ", "") });
  }
}
