// Where the phone's owner writes: text, what is attached to it, a voice note.

import { el, icon, iconButton, mostBytes, places, say } from "./dom.js";
import { canRecord, Recording } from "./recorder.js";
import { row } from "./sheet.js";
import { upload } from "./server.js";
import { summary } from "./bubbles.js";

export class Composer {
  /** `send(content)` writes a message, `complain(text)` tells what went wrong, `sheet` slides up. */
  constructor({ send, complain, sheet }) {
    this.deliver = send;
    this.complain = complain;
    this.sheet = sheet;
    this.mode = null; // {reply: message} or {edit: message}
    this.pending = null; // {kind, blob or sample, name}
    this.text = el("textarea", {
      rows: "1",
      placeholder: say("write"),
      "aria-label": say("write"),
      "data-testid": "text-box",
      maxlength: "4096",
      autocapitalize: "sentences",
      oninput: () => this.fit(),
      onkeydown: (event) => this.key(event),
    });
    this.bar = el("div", { class: "bar", hidden: true, "data-testid": "bar" });
    this.attach = iconButton("attach", say("attach"), { class: "round", "data-testid": "attach", "aria-haspopup": "dialog", onclick: () => this.offer() });
    this.button = iconButton("send", say("send"), { class: "round send", "data-testid": "send" });
    this.button.type = "submit";
    this.microphone = iconButton("microphone", say("record"), { class: "round send", "data-testid": "record", onclick: () => this.record() });
    this.line = el("div", { class: "line" }, this.attach, this.text, this.button, this.microphone);
    this.files = el("input", { type: "file", hidden: true, "data-testid": "file", onchange: () => this.chosen() });
    this.form = el(
      "form",
      { class: "composer", onsubmit: (event) => this.submit(event) },
      this.bar,
      this.line,
      this.files,
    );
    this.fit();
  }

  get element() {
    return this.form;
  }

  // ---------------------------------------------------------------- what is written

  reply(message) {
    this.begin({ reply: message });
  }

  edit(message) {
    this.begin({ edit: message });
    this.text.value = message.text;
    this.fit();
  }

  begin(mode) {
    this.mode = mode;
    this.pending = null;
    this.show();
    this.text.focus();
  }

  drop() {
    if (this.mode?.edit) this.text.value = "";
    this.mode = null;
    this.pending = null;
    this.show();
    this.fit();
    this.text.focus();
  }

  show() {
    const { mode, pending } = this;
    const title = pending ? pending.name : mode?.edit ? say("editing") : mode?.reply ? say("reply_to") : "";
    const drawing = icon(pending ? (pending.kind === "image" ? "photo" : "document") : mode?.edit ? "edit" : "reply");
    const about = pending ? "" : summary(mode?.edit ?? mode?.reply);
    this.bar.hidden = !title;
    this.bar.replaceChildren(
      drawing,
      el("span", { class: "bar-words" }, el("strong", {}, title), el("span", {}, about)),
      iconButton("close", say("discard"), { "data-testid": "bar-close", onclick: () => this.drop() }),
    );
    this.text.placeholder = pending ? say("caption") : say("write");
    this.fit();
  }

  /** The box grows with the text; without any there is a microphone in place of the arrow. */
  fit() {
    this.text.style.height = "auto";
    this.text.style.height = `${Math.min(this.text.scrollHeight, 140)}px`;
    const nothing = !this.text.value.trim() && !this.pending;
    const speaks = nothing && !this.mode?.edit && canRecord();
    this.button.hidden = speaks;
    this.button.disabled = nothing;
    this.microphone.hidden = !speaks;
  }

  key(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.form.requestSubmit();
    } else if (event.key === "Escape" && !this.bar.hidden) {
      this.drop();
    }
  }

  async submit(event) {
    event.preventDefault();
    const text = this.text.value.trim();
    const { mode, pending } = this;
    if (pending) await this.hand(pending, text);
    else if (text && mode?.edit) await this.put({ edit: { message_id: mode.edit.id, text } });
    else if (text) await this.put({ text });
  }

  /** Sends; what was written stays in the box where it failed. */
  async put(content) {
    const mode = this.mode;
    const whole = mode?.reply ? { ...content, context: mode.reply.id } : content;
    this.button.disabled = true;
    try {
      await this.deliver(whole);
    } catch {
      this.complain(say("not_sent"));
      this.fit();
      return;
    }
    this.text.value = "";
    this.mode = null;
    this.pending = null;
    this.show();
  }

  async hand({ kind, blob, sample, name, voice }, caption) {
    const medium = sample ? { sample } : { id: await this.kept(blob) };
    if (!sample && !medium.id) return;
    if (caption && kind !== "audio") medium.caption = caption;
    if (kind === "document") medium.filename = name.slice(0, 100);
    if (voice) medium.voice = true;
    await this.put({ [kind]: medium });
  }

  async kept(blob) {
    try {
      return await upload(blob);
    } catch (refused) {
      this.complain(say(refused.status === 0 ? "not_sent" : "no_file"));
      return null;
    }
  }

  // ---------------------------------------------------------------- what is attached

  offer() {
    const item = (name, drawing, action) =>
      el("button", { type: "button", class: "offer", "data-testid": `attach-${name.replace("_", "-")}`, onclick: action }, el("span", { class: "disc" }, icon(drawing)), say(name));
    const then = (action) => () => {
      this.sheet.close();
      action();
    };
    this.sheet.show(
      say("attach"),
      el(
        "div",
        { class: "offers" },
        item("photo", "photo", then(() => this.pick("image", "image/*"))),
        item("sample_photo", "sample", then(() => this.hold({ kind: "image", sample: "photo", name: say("sample_photo") }))),
        item("sample_voice", "voice", then(() => this.hand({ kind: "audio", sample: "voice", voice: true }))),
        item("voice", "microphone", then(() => this.pick("audio", "audio/*"))),
        item("location", "pin", () => this.where()),
        item("file", "document", then(() => this.pick("file", ".pdf,.doc,.docx,.txt,video/*,application/pdf"))),
      ),
    );
  }

  pick(wanted, accept) {
    this.wanted = wanted;
    this.files.accept = accept;
    this.files.value = "";
    this.files.click();
  }

  chosen() {
    const [blob] = this.files.files;
    if (!blob) return;
    if (blob.size > mostBytes) return this.complain(say("too_large"));
    if (this.wanted === "audio") return this.hand({ kind: "audio", blob, voice: true });
    const type = blob.type.split("/")[0];
    const kind = this.wanted === "image" ? "image" : type === "video" || type === "image" ? type : "document";
    return this.hold({ kind, blob, name: blob.name });
  }

  /** Until it is sent, with a caption or without. */
  hold(pending) {
    if (this.mode?.edit) this.drop();
    this.pending = pending;
    this.show();
    this.text.focus();
  }

  where() {
    const send = (location) => {
      this.sheet.close();
      this.put({ location });
    };
    const rows = places.map((place) =>
      row(place.name, {
        description: place.block,
        icon: icon("pin"),
        "data-testid": "place",
        onclick: () => send({ latitude: place.latitude, longitude: place.longitude, name: place.name, address: place.block }),
      }),
    );
    const degrees = (name, most, value) =>
      el("label", {}, say(name), el("input", { name, type: "number", step: "any", min: -most, max: most, value, required: true, "data-testid": name }));
    const wrong = el("p", { class: "wrong", role: "alert" });
    const pin = el(
      "form",
      {
        class: "pin",
        novalidate: true,
        onsubmit: (event) => {
          event.preventDefault();
          if (!pin.checkValidity()) wrong.textContent = say("place_wrong");
          else send({ latitude: pin.latitude.valueAsNumber, longitude: pin.longitude.valueAsNumber });
        },
      },
      degrees("latitude", 90, "22.0093"),
      degrees("longitude", 180, "82.5778"),
      el("button", { class: "strong", "data-testid": "send-place" }, say("send_place")),
      wrong,
    );
    this.sheet.show(say("where"), [el("div", { class: "rows" }, rows), pin]);
  }

  // ---------------------------------------------------------------- a voice note

  async record() {
    const seconds = el("span", { class: "seconds", role: "timer" }, "0:00");
    let recording;
    try {
      recording = await Recording.start((n) => {
        seconds.textContent = `${Math.floor(n / 60)}:${String(n % 60).padStart(2, "0")}`;
      });
    } catch {
      this.complain(say("no_microphone"));
      return;
    }
    const end = async (wanted) => {
      const blob = await recording.stop();
      panel.replaceWith(this.line);
      this.microphone.focus();
      if (wanted) await this.hand({ kind: "audio", blob, voice: true });
    };
    const panel = el(
      "div",
      { class: "line recording", "data-testid": "recording" },
      iconButton("remove", say("record_cancel"), { class: "round", "data-testid": "record-cancel", onclick: () => end(false) }),
      el("span", { class: "live", role: "status" }, say("recording")),
      seconds,
      iconButton("send", say("record_send"), { class: "round send", "data-testid": "record-send", onclick: () => end(true) }),
    );
    this.line.replaceWith(panel);
    panel.querySelector(".send").focus();
  }
}
