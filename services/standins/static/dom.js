// Building the page. Everything that people wrote becomes text, never markup.

const page = JSON.parse(document.body.dataset.page);

export const lang = page.lang;
export const places = page.places;
export const mostBytes = page.most_bytes;

/** A text of the page; names are those of texts.yaml without `phone_`. */
export function say(name) {
  return page.texts[name] ?? name;
}

/** An element with attributes, listeners (`onclick: …`) and children (nodes and texts; false ones left out). */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const graphemes = globalThis.Intl?.Segmenter ? new Intl.Segmenter(lang, { granularity: "grapheme" }) : null;

/** The first letter, with its signs: what stands in a round picture. */
export function initial(text) {
  const [first] = graphemes ? [...graphemes.segment(text)].map((one) => one.segment) : [...text];
  return first ?? "";
}

const SHAPES = {
  attach: "M12 5v14M5 12h14",
  send: "M4 12l16-8-6 17-3-7z",
  microphone: "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM6 11a6 6 0 0 0 12 0M12 17v4",
  more: "M12 5v.01M12 12v.01M12 19v.01",
  down: "M6 9l6 6 6-6",
  close: "M6 6l12 12M18 6L6 18",
  list: "M9 6h11M9 12h11M9 18h11M4 6h.01M4 12h.01M4 18h.01",
  reply: "M10 6L4 12l6 6M4 12h9a7 7 0 0 1 7 7",
  edit: "M4 20h4L19 9l-4-4L4 16z",
  remove: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  photo: "M4 6h4l2-2h4l2 2h4v13H4zM12 9a3.5 3.5 0 1 0 .01 0",
  sample: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4",
  voice: "M4 10v4M8 7v10M12 4v16M16 8v8M20 10v4",
  pin: "M12 21c-5-6-7-8.500-7-11.500a7 7 0 0 1 14 0c0 3-2 5.500-7 11.500zM12 7a2.500 2.500 0 1 0 .01 0",
  document: "M6 3h8l4 4v14H6zM14 3v4h4",
  person: "M12 4a4 4 0 1 0 .01 0M4 20c1-5 4-6 8-6s7 1 8 6",
  stop: "M7 7h10v10H7z",
  back: "M15 5l-7 7 7 7",
};

/** A small drawing in the colour of the text; it says nothing to a reader of the screen. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", SHAPES[name]);
  svg.append(path);
  return svg;
}

/** A button of a drawing alone. */
export function iconButton(name, label, attributes = {}) {
  return el("button", { type: "button", "aria-label": label, title: label, ...attributes }, icon(name));
}

const ZONE = "Asia/Kolkata";
const locale = lang === "hi" ? "hi-IN-u-nu-latn" : "en-IN";
const clock = new Intl.DateTimeFormat(locale, { timeZone: ZONE, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const calendar = new Intl.DateTimeFormat(locale, { timeZone: ZONE, day: "numeric", month: "long", year: "numeric" });
const DAY = 86_400_000;

export function timeOf(at) {
  return clock.format(at);
}

/** "Today", "Yesterday" or the date, in India. */
export function dayOf(at) {
  const day = calendar.format(at);
  if (day === calendar.format(Date.now())) return say("today");
  if (day === calendar.format(Date.now() - DAY)) return say("yesterday");
  return day;
}
