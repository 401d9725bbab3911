// Values as they are read: numbers, texts, JSON that unfolds. Every text goes in through textContent, so nothing that a
// span says becomes markup.
const MISSING = "–";
const TEXT_SHOWN = 4000;
const ITEMS_SHOWN = 100;

// A number whose digits a float does not keep (an id of 64 bits, 1e2, 1.0) is shown as it was written.
class Exact {
  constructor(source) { this.source = source; }
  toString() { return this.source; }
}

function parseExact(text) {
  return JSON.parse(text, (_key, value, context) =>
    (typeof value === "number" && context && context.source && context.source !== String(value)
      ? new Exact(context.source) : value));
}

// How something stands, as a mark beside its word: never told by colour alone.
const MARKS = { ok: "●", finished: "●", complete: "●", labelled: "●", running: "◐", claimed: "◐", waiting: "○", held: "–", paused: "‖",
  failed: "▲", error: "▲", timeout: "▲", crashed: "✕", interrupted: "◇", preempted: "◇", preempting: "◇", pruned: "◇", stopped: "■", killed: "■",
  canceled: "⊘", disputed: "◆", gold: "★", skipped: "↷" };

function statusNode(word, text = word, title = "") {
  const node = element("span", "status " + (word in MARKS ? word : ""));
  node.append(element("span", "mark", MARKS[word] ?? "●"), " " + text);
  if (title) node.title = title;
  return node;
}

async function ask(path, options) {
  const answer = await fetched(path, options);
  const text = await answer.text();
  let body = null;
  try { body = text ? parseExact(text) : null; } catch { /* an answer that is no JSON is told by its status */ }
  if (answer.ok) return body;
  const told = body && body.error;
  const problem = new Error(told ? [told.message, told.remedy].filter(Boolean).join(" ") : "The server answered " + answer.status + ".");
  problem.status = answer.status;
  throw problem;
}

function send(path, body, method = "POST") {
  return ask(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

function plainNumber(value) {
  return value instanceof Exact ? Number(value.source) : value;
}

// A value as a number where it is one, else null; "NaN" and its kin as they travel.
function numeric(value) {
  value = plainNumber(value);
  if (typeof value === "number") return value;
  return { NaN, Infinity, "-Infinity": -Infinity }[value] ?? null;
}

const plainText = (value) => (value === null || value === undefined ? MISSING : typeof value === "object" ? written(value).replace(/\s+/g, " ") : String(value));

function count(value) {
  value = plainNumber(value);
  if (value === null || value === undefined) return MISSING;
  if (Math.abs(value) < 100_000) return Math.round(value).toLocaleString("en-US");
  for (const [unit, size] of [["G", 1e9], ["M", 1e6]]) {
    if (Math.abs(value) >= 0.9995 * size) return (value / size).toFixed(1) + " " + unit;
  }
  return (value / 1e3).toFixed(0) + " k";
}

function duration(ns) {
  ns = plainNumber(ns);
  if (ns === null || ns === undefined) return MISSING;
  const s = ns / 1e9;
  if (s < 0.9995e-3) return (s * 1e6).toFixed(0) + " µs";
  if (s < 0.9995) return s < 0.00995 ? Number((s * 1e3).toPrecision(3)) + " ms" : (s * 1e3).toFixed(0) + " ms";
  if (s < 59.95) return s.toFixed(1) + " s";
  const whole = Math.round(s);
  if (whole < 3600) return Math.floor(whole / 60) + " min " + (whole % 60) + " s";
  if (whole < 86400) return Math.floor(whole / 3600) + " h " + Math.floor((whole % 3600) / 60) + " min";
  return Math.floor(whole / 86400) + " d " + Math.floor((whole % 86400) / 3600) + " h";
}

function usd(value) {
  value = plainNumber(value);
  if (value === null || value === undefined) return MISSING;
  if (value === 0) return "$0";
  if (Math.abs(value) >= 1) return "$" + value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return "$" + value.toFixed(Math.min(10, Math.max(2, 1 - Math.floor(Math.log10(Math.abs(value))))));
}

function size(bytes) {
  for (const [unit, scale] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) {
    if (bytes >= scale) return (bytes / scale).toFixed(1) + " " + unit;
  }
  return bytes + " B";
}

// An absolute time in the reader's zone, ISO to the second, as weft.formatting writes it.
function moment(ns) {
  const at = new Date(Number(plainNumber(ns)) / 1e6);
  if (ns === null || ns === undefined || Number.isNaN(at.getTime())) return MISSING;
  const two = (value) => String(value).padStart(2, "0"), away = -at.getTimezoneOffset(), zone = Math.abs(away);
  return [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-") + " " + [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":")
    + (away ? (away < 0 ? "-" : "+") + two(Math.floor(zone / 60)) + ":" + two(zone % 60) : "Z");
}

// A time relative to now within a day, the date behind it.
function ago(ns) {
  const at = plainNumber(ns);
  if (at === null || at === undefined) return MISSING;
  const s = Date.now() / 1000 - at / 1e9;
  if (s < 0) return s > -5 ? "now" : moment(ns);
  if (s < 5) return "now";
  if (s < 60) return Math.floor(s) + " s ago";
  if (s < 3600) return Math.floor(s / 60) + " min ago";
  if (s < 86400) return Math.floor(s / 3600) + " h ago";
  return moment(ns).slice(0, 16);
}

// The width in px of a column that holds these texts whole, between two bounds, in the font of `node`: a figure that is cut says nothing.
function roomFor(node, texts, least, most = 200) {
  const pen = (roomFor.pen ??= document.createElement("canvas").getContext("2d"));
  pen.font = "13px " + getComputedStyle(node).fontFamily;
  return Math.min(most, texts.reduce((width, text) => Math.max(width, Math.ceil(pen.measureText(text ?? "").width) + 18), least));
}

function button(text, title, act, className = "") {
  const node = element("button", "button " + className, text);
  node.type = "button";
  if (title) node.title = title;
  node.onclick = act;
  return node;
}

function copyButton(text) {
  const node = button("Copy", "Copy to the clipboard", () => {
    navigator.clipboard.writeText(typeof text === "function" ? text() : text).then(() => {
      node.textContent = "Copied";
      window.setTimeout(() => { node.textContent = "Copy"; }, 1200);
    });
  }, "quiet copy");
  return node;
}

function written(value) {
  if (value instanceof Exact) return value.source;
  if (typeof value === "string") return value;
  return pretty(value);
}

function pretty(value, indent = "") {
  if (value instanceof Exact) return value.source;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const inner = indent + "  ";
  const entries = Array.isArray(value) ? value.map((item) => pretty(item, inner))
    : Object.entries(value).map(([name, item]) => JSON.stringify(name) + ": " + pretty(item, inner));
  const [from, to] = Array.isArray(value) ? "[]" : "{}";
  return entries.length ? from + "\n" + entries.map((entry) => inner + entry).join(",\n") + "\n" + indent + to : from + to;
}

// A text, its first part where it is long.
function textBlock(text, className = "said") {
  const node = element("div", className);
  if (text.length <= TEXT_SHOWN * 1.25) { node.textContent = text; return node; }
  const head = element("span", "", text.slice(0, TEXT_SHOWN));
  const more = button("Show all " + size(text.length), "", () => { node.replaceChildren(text); }, "more");
  node.append(head, "… ", more);
  return node;
}

function scalar(value) {
  const kind = value === null ? "null" : value instanceof Exact ? "number" : typeof value;
  if (kind === "string") return textBlock(value, "text");
  return element("span", kind, value === null ? "null" : String(value));
}

function summary(value) {
  if (Array.isArray(value)) return value.length + (value.length === 1 ? " item" : " items");
  const names = Object.keys(value);
  const shown = names.slice(0, 4).join(", ");
  return shown + (names.length > 4 ? ", … " + names.length + " keys" : "");
}

// JSON that unfolds: what is below a fold is drawn when it is opened.
function jsonTree(value, depth = 2) {
  if (value === null || typeof value !== "object" || value instanceof Exact) {
    const alone = element("div", "json");
    alone.append(scalar(value));
    return alone;
  }
  const box = element("div", "json");
  branch(box, value, depth);
  return box;
}

function branch(box, value, depth) {
  const entries = Array.isArray(value) ? value.map((item, at) => [String(at), item]) : Object.entries(value);
  if (!entries.length) box.append(element("span", "null", Array.isArray(value) ? "[ ]" : "{ }"));
  let shown = 0;
  const more = button("", "", () => extend(), "more");
  const extend = () => {
    more.remove();
    for (const [name, item] of entries.slice(shown, shown + ITEMS_SHOWN)) box.append(entry(name, item, depth));
    shown += ITEMS_SHOWN;
    if (shown < entries.length) {
      more.textContent = "Show " + Math.min(ITEMS_SHOWN, entries.length - shown) + " more of " + entries.length;
      box.append(more);
    }
  };
  extend();
}

function entry(name, value, depth) {
  if (value === null || typeof value !== "object" || value instanceof Exact) {
    const line = element("div", "pair");
    line.append(element("span", "key", name), scalar(value));
    return line;
  }
  const node = element("details", "pair");
  const head = element("summary");
  head.append(element("span", "key", name), element("span", "null", summary(value)));
  node.append(head);
  const inner = element("div", "inner");
  node.append(inner);
  const fill = () => { if (node.open && !inner.hasChildNodes()) branch(inner, value, depth - 1); };
  node.addEventListener("toggle", fill);
  const few = Array.isArray(value) ? value.length <= 20 : Object.keys(value).length <= 20;
  if (depth > 1 && few) { node.open = true; fill(); }
  return node;
}

function fold(title, name, folds, build, open) {
  const node = element("details", "section");
  const head = element("summary", "", title);
  const body = element("div", "body");
  node.append(head, body);
  const isOpen = folds.has(name) ? folds.get(name) : open;
  const fill = () => { if (node.open && !body.hasChildNodes()) body.append(...[build()].flat().filter(Boolean)); };
  node.addEventListener("toggle", () => { folds.set(name, node.open); fill(); });
  if (isOpen) { node.open = true; fill(); }
  return node;
}
