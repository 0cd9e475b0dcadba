// One phone: its owner, the chat, and what slides up over it.

import { bubble, foot, summary } from "./bubbles.js";
import { Composer } from "./composer.js";
import { dayOf, el, icon, iconButton, initial, say } from "./dom.js";
import { addressOf, changes, seen, write } from "./server.js";
import { row, Sheet } from "./sheet.js";

const EDITABLE_MS = 15 * 60_000;
const EMOJI = ["👍", "🙏", "❤️", "😊", "😢"];
const NEAR_THE_END = 80;
const COMPLAINT_MS = 6000;

export class Phone {
  /** `owner`: {name, number or user}. `onremove` takes the phone away, `onnews(count)` hears of messages that
   * came while it was not looked at. */
  constructor(owner, { onremove, onnews }) {
    this.owner = owner;
    this.onremove = onremove;
    this.onnews = onnews;
    this.messages = new Map();
    this.epoch = null;
    this.cursor = 0;
    this.unread = 0;
    this.looked = false;
    this.atEnd = true;
    this.build();
    // a picture that loads or a bar that opens hides nothing of the last message
    const stay = () => this.atEnd && this.toEnd(false);
    new ResizeObserver(stay).observe(this.list);
    this.list.addEventListener("load", stay, true);
  }

  build() {
    const { owner } = this;
    const number = owner.number ? formatNumber(owner.number) : say("no_number");
    this.status = el("span", { class: "about", "aria-live": "polite", "data-testid": "typing" }, say("business_about"));
    this.list = el("ol", { class: "chat", role: "log", "aria-label": say("chat"), "aria-relevant": "additions", tabindex: "0", "data-testid": "chat", onscroll: () => this.scrolled() });
    this.begin = el(
      "div",
      { class: "begin" },
      el("p", {}, say("begin")),
      el("small", {}, say("explains")),
      el("button", { type: "button", class: "strong", "data-testid": "greet", onclick: () => this.greet() }, say("say_greeting")),
    );
    this.end = iconButton("down", say("to_the_end"), { class: "to-end", hidden: true, onclick: () => this.toEnd(true) });
    this.complaint = el("p", { class: "complaint", role: "alert", hidden: true, "data-testid": "complaint" });
    const scroller = el("div", { class: "scroller" }, this.begin, this.list, this.end);
    const top = el(
      "div",
      { class: "top" },
      el("span", { class: "face", "aria-hidden": "true" }, initial(say("business"))),
      el("div", { class: "who" }, el("strong", {}, say("business")), this.status),
    );
    this.screen = el("div", { class: "screen" }, top, scroller, this.complaint);
    this.sheet = new Sheet(this.screen);
    this.composer = new Composer({ send: (content) => this.send(content), complain: (text) => this.complain(text), sheet: this.sheet });
    this.screen.insertBefore(this.composer.element, this.sheet.veil);
    this.sheet.fallback = this.composer.text;
    this.element = el(
      "section",
      { class: "phone", id: `phone-${addressOf(owner)}`, "aria-label": `${owner.name}, ${number}`, "data-testid": "phone", "data-who": addressOf(owner) },
      el(
        "header",
        { class: "owner" },
        el("span", { class: "face", "aria-hidden": "true" }, initial(owner.name)),
        el("div", { class: "who" }, el("strong", {}, owner.name), el("span", { class: "about" }, number)),
        iconButton("more", `${say("phone_menu")}: ${owner.name}`, { class: "round", "data-testid": "phone-menu", "aria-haspopup": "dialog", onclick: () => this.options() }),
      ),
      this.screen,
    );
  }

  // ---------------------------------------------------------------- what comes

  /** Asks for what is new and shows it. Throws where nobody answers. */
  async refresh(looked) {
    const told = await changes(this.owner, this.cursor);
    if (this.epoch !== null && told.epoch !== this.epoch) {
      // a restart, or all was forgotten: from the beginning
      this.epoch = told.epoch;
      this.cursor = 0;
      this.messages.clear();
      this.list.replaceChildren();
      return this.refresh(looked);
    }
    this.epoch = told.epoch;
    this.cursor = Math.max(this.cursor, told.cursor);
    this.status.textContent = told.typing ? say("typing") : say("business_about");
    this.status.classList.toggle("typing", told.typing);
    this.looked = looked;
    this.show(told.messages);
    const delivered = [...this.messages.values()].some((one) => !one.mine && one.status === "delivered");
    if (looked && delivered) await seen(this.owner);
    return undefined;
  }

  show(news) {
    let arrived = 0;
    for (const message of news) {
      const known = this.messages.get(message.id);
      if (known && known.changed >= message.changed) continue;
      this.messages.set(message.id, message);
      if (known) {
        this.change(known, message);
      } else {
        this.place(message);
        arrived += !message.mine;
      }
    }
    this.begin.hidden = this.messages.size > 0;
    if (news.length && this.atEnd) this.toEnd(false);
    if (arrived && !this.looked) {
      this.unread += arrived;
      this.onnews(this.unread);
    } else if (this.looked && this.unread) {
      this.unread = 0;
      this.onnews(0);
    }
  }

  change(known, message) {
    const item = this.itemOf(message.id);
    const rest = (one) => JSON.stringify({ ...one, status: "", changed: 0 });
    if (rest(known) === rest(message)) {
      // a tick more: what plays goes on playing
      item.dataset.status = message.status;
      item.querySelector(".foot").replaceWith(foot(message));
      return;
    }
    const focused = item.contains(document.activeElement) && document.activeElement.dataset.testid;
    const fresh = bubble(message, this);
    item.replaceWith(fresh);
    if (focused) fresh.querySelector(`[data-testid="${focused}"]`)?.focus();
  }

  place(message) {
    const day = dayOf(new Date(message.at));
    const lines = this.list.querySelectorAll(".day");
    if (lines[lines.length - 1]?.textContent !== day) this.list.append(el("li", { class: "day" }, el("span", {}, day)));
    this.list.append(bubble(message, this));
  }

  itemOf(id) {
    return [...this.list.children].find((item) => item.dataset.id === id);
  }

  find(id) {
    return this.messages.get(id);
  }

  toEnd(focus) {
    this.atEnd = true;
    this.list.scrollTop = this.list.scrollHeight;
    if (focus) this.list.focus();
  }

  scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.list;
    this.atEnd = scrollHeight - scrollTop - clientHeight < NEAR_THE_END;
    this.end.hidden = this.atEnd;
  }

  // ---------------------------------------------------------------- what is done

  async send(content) {
    await write(this.owner, content);
    this.toEnd(false);
    await this.refresh(true).catch(() => undefined); // it is sent; it will be seen later
    this.toEnd(false);
  }

  /** The same where there is no box that keeps what failed. */
  async attempt(content) {
    try {
      await this.send(content);
    } catch {
      this.complain(say("not_sent"));
    }
  }

  greet() {
    this.composer.text.focus();
    return this.attempt({ text: say("greeting") });
  }

  complain(text) {
    this.complaint.textContent = text;
    this.complaint.hidden = false;
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      this.complaint.hidden = true;
    }, COMPLAINT_MS);
  }

  tap(message, { id, title }) {
    return this.attempt({ button: { id, title }, context: message.id });
  }

  /** The rows of a list. */
  open(message) {
    const { sections, button } = message.layout;
    const choose = ({ id, title, description }) => {
      this.sheet.close();
      this.attempt({ row: { id, title, description }, context: message.id });
    };
    const content = sections.map((section) =>
      el(
        "div",
        { class: "rows", role: "group", "aria-label": section.title || button },
        section.title && el("h4", {}, section.title),
        section.rows.map((one) => row(one.title, { description: one.description, "data-testid": "list-row", "data-choice": one.id, onclick: () => choose(one) })),
      ),
    );
    this.sheet.show(button, content, { language: message.language });
  }

  menu(message) {
    const then = (action) => () => {
      this.sheet.close();
      action();
    };
    const rows = [row(say("reply"), { icon: icon("reply"), "data-testid": "do-reply", onclick: then(() => this.composer.reply(message)) })];
    const young = Date.now() - Date.parse(message.at) < EDITABLE_MS;
    if (message.mine && message.kind === "text" && young) {
      rows.push(row(say("edit"), { icon: icon("edit"), "data-testid": "do-edit", onclick: then(() => this.composer.edit(message)) }));
    }
    if (message.mine) {
      rows.push(row(say("delete"), { icon: icon("remove"), "data-testid": "do-delete", onclick: then(() => this.attempt({ revoke: { message_id: message.id } })) }));
    }
    const react = (emoji) => then(() => this.attempt({ reaction: { message_id: message.id, emoji } }));
    const emoji = EMOJI.map((one) => {
      const pressed = message.emoji === one;
      const label = `${pressed ? say("unreact") : say("react")}: ${one}`;
      return el("button", { type: "button", class: "react", "aria-label": label, "aria-pressed": String(pressed), "data-testid": "do-react", onclick: react(pressed ? "" : one) }, one);
    });
    this.sheet.show(summary(message), [el("div", { class: "reacts", role: "group", "aria-label": say("react") }, emoji), el("div", { class: "rows" }, rows)]);
  }

  options() {
    const remove = row(say("remove"), { icon: icon("remove"), description: say("remove_explains"), "data-testid": "remove-phone", onclick: () => this.onremove() });
    this.sheet.show(this.owner.name, el("div", { class: "rows" }, remove));
  }
}

/** As people read it: +91 98765 43210. */
export function formatNumber(number) {
  const found = /^91(\d{5})(\d{5})$/.exec(number);
  return found ? `+91 ${found[1]} ${found[2]}` : `+${number}`;
}
