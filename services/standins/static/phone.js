// The phone simulator: phones beside each other, or one at a time behind tabs on a small screen.
//
// Stable handles for tests: `data-testid` phone (with `data-who`: number or user id), chat, message (with
// `data-id`, `data-kind`, `data-side` mine | theirs | told, `data-status`, `data-template`), text, quote,
// template, reaction, message-menu, reply-button and list-row (with `data-choice`: the id), list-open, sheet,
// sheet-close, text-box, send, greet, attach, attach-photo, attach-sample-photo, attach-sample-voice,
// attach-voice, attach-location, attach-file, file, place, latitude, longitude, send-place, record, recording,
// record-send, record-cancel, bar, bar-close, do-reply, do-edit, do-delete, do-react, typing, complaint,
// phone-menu, remove-phone, add-phone, new-phone, tab (with `data-who`).
// `/phone?number=9199…&name=…` or `?user=IN.…&name=…` opens that phone.

import { formatNumber, Phone } from "./chat.js";
import { el, say } from "./dom.js";
import { addressOf } from "./server.js";

const KEPT = "samvad.phones";
const EVERY_MS = 700;
const SELDOM_MS = 3000;
const FIRST_NUMBER = "919999912345";
const SMALL = matchMedia("(max-width: 47.99rem)");

const rack = document.getElementById("rack");
const tabs = document.getElementById("tabs");
const offline = el("p", { class: "offline", role: "status", hidden: true }, say("offline"));
rack.before(offline);
const phones = new Map(); // by address
let current = "";

// ------------------------------------------------------------------ which phones there are

function remembered() {
  try {
    const found = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(found) ? found.filter((one) => one && typeof one.name === "string" && isAddress(one)) : [];
  } catch {
    return [];
  }
}

function isAddress({ number, user }) {
  return /^[1-9]\d{6,14}$/.test(number ?? "") || /^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$/.test(user ?? "");
}

function remember() {
  try {
    localStorage.setItem(KEPT, JSON.stringify([...phones.values()].map((phone) => phone.owner)));
  } catch {
    // a browser that keeps nothing begins anew each time
  }
}

function asked() {
  const query = new URLSearchParams(location.search);
  const owner = { name: query.get("name")?.slice(0, 60) ?? "", number: (query.get("number") ?? "").replace(/^[+ ]/, ""), user: query.get("user") ?? "" };
  if (!isAddress(owner)) return null;
  return { name: owner.name || (owner.number ? formatNumber(owner.number) : owner.user), ...(owner.number ? { number: owner.number } : { user: owner.user }) };
}

function add(owner) {
  const address = addressOf(owner);
  if (phones.has(address)) return;
  const phone = new Phone(owner, {
    onremove: () => remove(address),
    onnews: (count) => badge(address, count),
  });
  phones.set(address, phone);
  rack.append(phone.element);
  tabs.append(
    el(
      "button",
      { type: "button", class: "tab", "data-testid": "tab", "data-who": address, "aria-controls": phone.element.id, onclick: () => choose(address) },
      el("span", {}, owner.name),
      el("span", { class: "count", hidden: true }),
    ),
  );
}

function remove(address) {
  const phone = phones.get(address);
  phones.delete(address);
  phone.element.remove();
  tabOf(address).remove();
  remember();
  if (phones.size && current === address) choose([...phones.keys()][0]);
  document.getElementById("add").focus();
}

const tabOf = (address) => [...tabs.children].find((tab) => tab.dataset.who === address);

function choose(address) {
  current = address;
  for (const [one, phone] of phones) {
    phone.element.classList.toggle("current", one === address);
    tabOf(one).setAttribute("aria-current", String(one === address));
  }
  phones.get(address)?.toEnd(false);
}

function badge(address, count) {
  const mark = tabOf(address)?.querySelector(".count");
  if (!mark) return;
  mark.hidden = !count;
  mark.textContent = count ? String(count) : "";
  mark.setAttribute("aria-label", `${count} ${say("new_messages")}`);
}

// ------------------------------------------------------------------ a new phone

function offerNew() {
  const dialog = document.getElementById("new");
  const form = dialog.querySelector("form");
  const wrong = document.getElementById("new-wrong");
  const numberPart = document.getElementById("new-number-part");
  const without = () => form.elements.with.value === "user";
  form.addEventListener("change", () => {
    numberPart.hidden = without();
  });
  document.getElementById("add").addEventListener("click", () => {
    form.reset();
    numberPart.hidden = false;
    wrong.textContent = "";
    form.elements.number.value = `99999${String(Math.floor(Math.random() * 100_000)).padStart(5, "0")}`;
    dialog.showModal();
    form.elements.name.focus();
  });
  document.getElementById("new-cancel").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const digits = form.elements.number.value.replace(/\D/g, "").slice(-10);
    const name = form.elements.name.value.trim();
    if (!without() && !/^[6-9]\d{9}$/.test(digits)) {
      wrong.textContent = say("new_number_wrong");
      form.elements.number.focus();
      return;
    }
    const owner = without() ? { user: `IN.${madeUp()}` } : { number: `91${digits}` };
    owner.name = name || (owner.number ? formatNumber(owner.number) : say("no_number"));
    if (phones.has(addressOf(owner))) {
      wrong.textContent = say("new_exists");
      return;
    }
    dialog.close();
    add(owner);
    remember();
    choose(addressOf(owner));
    phones.get(addressOf(owner)).element.scrollIntoView({ inline: "end", block: "nearest" });
    phones.get(addressOf(owner)).composer.text.focus();
  });
}

/** Digits of a user id, as the provider gives them. */
function madeUp() {
  return Array.from(crypto.getRandomValues(new Uint8Array(17)), (byte) => byte % 10).join("");
}

// ------------------------------------------------------------------ what comes

async function watch() {
  const visible = document.visibilityState === "visible";
  const asking = [...phones].map(([address, phone]) => phone.refresh(visible && (!SMALL.matches || address === current)));
  const answers = await Promise.allSettled(asking);
  const silent = answers.some((answer) => answer.status === "rejected");
  offline.hidden = !silent;
  setTimeout(watch, silent || !visible ? SELDOM_MS : EVERY_MS);
}

const wanted = asked();
for (const owner of remembered()) add(owner);
if (wanted) add(wanted);
if (!phones.size) add({ name: say("first_name"), number: FIRST_NUMBER });
remember();
choose(wanted ? addressOf(wanted) : [...phones.keys()][0]);
offerNew();
document.getElementById("language").addEventListener("click", (event) => {
  const query = new URLSearchParams(location.search);
  query.set("lang", event.currentTarget.lang);
  event.currentTarget.search = query.toString();
});
watch();
