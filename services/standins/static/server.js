// What the page asks of the stand-ins, of the same origin.

/** A refusal or no answer. `status` 0: nobody answered. */
export class Refused extends Error {
  constructor(status) {
    super(`status ${status}`);
    this.status = status;
  }
}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Refused(0);
  }
  if (!answer.ok) throw new Refused(answer.status);
  return answer.json();
}

const json = (body) => ({
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
});

export const addressOf = (owner) => owner.number || owner.user;

/** What the phone shows and has changed since change number `after`. */
export function changes(owner, after) {
  return ask(`/api/phone/${encodeURIComponent(addressOf(owner))}/messages?after=${after}`);
}

/** All that was delivered is on the screen. */
export function seen(owner) {
  return ask(`/api/phone/${encodeURIComponent(addressOf(owner))}/read`, { method: "POST" });
}

/** Writes a message; `content` holds one of the contents of /api/inbound, and perhaps its `context`. */
export function write(owner, content) {
  const sender = { name: owner.name };
  if (owner.number) sender.from = owner.number;
  if (owner.user) sender.user_id = owner.user;
  return ask("/api/inbound", json({ ...sender, ...content }));
}

/** Hands in a file; its id. */
export async function upload(blob) {
  const type = blob.type || "application/octet-stream";
  const kept = await ask("/api/media", { method: "POST", headers: { "Content-Type": type }, body: blob });
  return kept.id;
}

export const mediaAddress = (id) => `/api/media/${encodeURIComponent(id)}`;
