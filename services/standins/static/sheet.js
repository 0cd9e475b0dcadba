// What slides up over a phone: rows to choose from, or a small form. One at a time.

import { el, iconButton, say } from "./dom.js";

export class Sheet {
  /** `frame` is the phone's screen, of which all else rests while the sheet is open. */
  constructor(frame) {
    this.frame = frame;
    this.title = el("h3", { id: `sheet-${crypto.randomUUID?.() ?? Math.random()}` });
    this.content = el("div", { class: "sheet-content" });
    this.panel = el(
      "div",
      { class: "sheet", role: "dialog", "aria-labelledby": this.title.id, "data-testid": "sheet", tabindex: "-1" },
      el("div", { class: "sheet-head" }, this.title, iconButton("close", say("close"), { "data-testid": "sheet-close", onclick: () => this.close() })),
      this.content,
    );
    this.veil = el("div", { class: "veil", hidden: true, onclick: (event) => event.target === this.veil && this.close() }, this.panel);
    this.veil.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        this.close();
      }
    });
    frame.append(this.veil);
  }

  get isOpen() {
    return !this.veil.hidden;
  }

  /** Shows `content` under `title`; the focus goes to what is first in it and comes back. */
  show(title, content, { language } = {}) {
    if (!this.isOpen) this.before = document.activeElement;
    this.title.textContent = title;
    this.panel.lang = language ?? "";
    if (!language) this.panel.removeAttribute("lang");
    this.content.replaceChildren(...[content].flat());
    this.veil.hidden = false;
    for (const other of this.others()) other.inert = true;
    (this.content.querySelector("button, input, [tabindex='0']") ?? this.panel).focus();
  }

  close() {
    if (!this.isOpen) return;
    this.veil.hidden = true;
    for (const other of this.others()) other.inert = false;
    (this.before?.isConnected ? this.before : this.fallback)?.focus();
    this.before = null;
  }

  others() {
    return [...this.frame.children].filter((child) => child !== this.veil);
  }
}

/** A row that can be chosen. */
export function row(title, { description = "", icon: drawing = null, onclick, ...more } = {}) {
  return el(
    "button",
    { type: "button", class: "row", onclick, ...more },
    drawing,
    el("span", { class: "row-words" }, el("span", { class: "row-title" }, title), description && el("span", { class: "row-about" }, description)),
  );
}
