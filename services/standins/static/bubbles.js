// One message as the phone shows it.

import { el, icon, iconButton, say, timeOf } from "./dom.js";
import { mediaAddress } from "./server.js";

const TICKS = { sent: "✓", delivered: "✓✓", read: "✓✓", failed: "!" };
const MARKS = { "*": "strong", _: "em", "~": "s", "`": "code" };
const PARTS = /(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]])|(?<![\p{L}\p{N}])([*_~`])(?=\S)([^\n]*?\S)\2(?![\p{L}\p{N}])/gu;

/** The item of the chat for a message.
 *
 * `chat` has find(id), tap(message, button), open(message) for a list, and menu(message). */
export function bubble(message, chat) {
  const side = message.kind === "system" ? "told" : message.mine ? "mine" : "theirs";
  const item = el("li", {
    class: `message ${side} ${message.kind}`,
    "data-testid": "message",
    "data-id": message.id,
    "data-kind": message.kind,
    "data-side": side,
    "data-status": message.status,
    "data-template": message.template ?? false,
  });
  if (side === "told") {
    item.append(el("p", { class: "notice" }, message.text));
    return item;
  }
  const body = el("div", { class: "bubble", lang: message.language || false });
  if (message.revoked) {
    body.append(el("p", { class: "gone" }, icon("remove"), say("deleted_mine")));
  } else {
    body.append(...contents(message, chat));
  }
  body.append(foot(message));
  if (!message.revoked) {
    body.append(
      iconButton("down", `${say("message_menu")}: ${summary(message)}`, {
        class: "menu",
        "data-testid": "message-menu",
        onclick: () => chat.menu(message),
      }),
    );
  }
  item.append(body);
  if (message.emoji) {
    item.append(el("span", { class: "emoji", "data-testid": "reaction" }, message.emoji));
  }
  if (!message.mine) item.append(...choices(message, chat));
  return item;
}

/** A line that stands for a message: in a quotation, for readers of the screen. */
export function summary(message) {
  if (!message) return say("message_gone");
  const kind = say(`kind_${message.kind}`);
  const known = kind !== `kind_${message.kind}`;
  if (message.revoked) return say("deleted_mine");
  const said = message.layout?.body || message.text || "";
  const text = said.replace(PARTS, (whole, address, mark, inside) => address ?? inside).replace(/\s+/g, " ").trim();
  return (known && text ? `${kind}: ${text}` : text || kind).slice(0, 120);
}

function contents(message, chat) {
  const parts = [];
  if (message.replies_to) parts.push(quotation(message, chat));
  if (message.template) {
    parts.push(
      el("p", { class: "tag", "data-testid": "template" }, `${say("template")} · ${message.template}`),
    );
  }
  const layout = message.layout;
  if (layout) {
    if (layout.header) parts.push(el("p", { class: "headline" }, ...formatted(layout.header)));
    parts.push(words(layout.body));
    if (layout.footer) parts.push(el("p", { class: "footer" }, layout.footer));
    return parts;
  }
  if (message.media) parts.push(medium(message));
  if (message.location) parts.push(place(message));
  else if (message.kind === "contacts") parts.push(card(message));
  else if (message.kind === "other") parts.push(el("p", { class: "gone" }, say("kind_other"), " ", message.text));
  else if (message.text) parts.push(words(message.text));
  return parts;
}

function words(text) {
  return el("p", { class: "words", "data-testid": "text" }, ...formatted(text));
}

/** WhatsApp's marks (*bold*, _italic_, ~struck~, `code`) and addresses, as elements. */
export function formatted(text) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(PARTS)) {
    const [whole, address, mark, inside] = match;
    if (match.index > end) found.push(text.slice(end, match.index));
    if (address) {
      found.push(el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, address));
    } else {
      found.push(el(MARKS[mark], {}, ...(mark === "`" ? [inside] : formatted(inside))));
    }
    end = match.index + whole.length;
  }
  if (end < text.length) found.push(text.slice(end));
  return found;
}

function quotation(message, chat) {
  const answered = chat.find(message.replies_to);
  const who = answered?.mine ? say("you") : say("business");
  return el(
    "blockquote",
    { class: answered?.mine ? "quote of-mine" : "quote", "data-testid": "quote" },
    el("strong", {}, who),
    el("span", {}, summary(answered)),
  );
}

function medium(message) {
  const { id, filename, mime_type: type } = message.media;
  const address = mediaAddress(id);
  const label = say(`kind_${message.kind}`);
  switch (message.kind) {
    case "image":
    case "sticker":
      return el("img", { class: "picture", src: address, alt: label, loading: "lazy" });
    case "audio":
      return el(
        "div",
        { class: "voice" },
        icon("microphone"),
        el("audio", { controls: true, preload: "metadata", src: address, "aria-label": label }),
      );
    case "video":
      return el("video", { class: "picture", controls: true, preload: "metadata", src: address, "aria-label": label });
    default:
      return el("a", { class: "file", href: address, download: filename || id }, icon("document"), el("span", {}, filename || label, el("small", {}, type)));
  }
}

function place(message) {
  const { name, address, latitude, longitude } = message.location;
  const shown = latitude === null || longitude === null ? "" : `${latitude.toFixed(4)}, ${longitude.toFixed(4)}`;
  return el(
    "div",
    { class: "place" },
    el("div", { class: "map", role: "img", "aria-label": say("kind_location") }, icon("pin")),
    el("strong", {}, name || say("pinned")),
    address && el("span", {}, address),
    el("small", {}, shown),
  );
}

function card(message) {
  return el("div", { class: "card" }, icon("person"), el("span", { class: "words" }, message.text));
}

/** Time, and ticks below what was written on the phone. */
export function foot(message) {
  const at = new Date(message.at);
  const parts = [];
  if (message.edited && !message.revoked) parts.push(el("span", { class: "edited" }, say("edited")));
  parts.push(el("time", { datetime: message.at }, timeOf(at)));
  if (message.mine && message.status) {
    parts.push(
      el(
        "span",
        { class: `ticks ${message.status}`, role: "img", "aria-label": say(`status_${message.status}`), title: say(`status_${message.status}`) },
        TICKS[message.status],
      ),
    );
  }
  return el("p", { class: "foot", "aria-live": "off" }, parts);
}

/** What can be tapped below a message. */
function choices(message, chat) {
  const layout = message.layout;
  if (!layout) return [];
  if (layout.type === "list") {
    const open = el(
      "button",
      { type: "button", "data-testid": "list-open", "aria-haspopup": "dialog", onclick: () => chat.open(message) },
      icon("list"),
      layout.button,
    );
    return [el("div", { class: "choices", lang: message.language || false }, open)];
  }
  const buttons = layout.buttons.map((button) =>
    el(
      "button",
      { type: "button", "data-testid": "reply-button", "data-choice": button.id, onclick: () => chat.tap(message, button) },
      icon("reply"),
      button.title,
    ),
  );
  return [el("div", { class: "choices", role: "group", lang: message.language || false }, buttons)];
}
