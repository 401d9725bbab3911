// What differs between two spans: lines of their inputs, outputs and attributes, the changed part of a line marked.
const DIFF_LINES = 4000;
const DIFF_EDITS = 2000;
const CONTEXT_LINES = 3;

function linesOf(value) {
  if (value === null || value === undefined) return [];
  const chat = chatOf(value);
  if (!chat) return written(value).split("\n");
  const lines = chat.messages.flatMap((message) => [message.role + ":", ...partsOf(message).flatMap((part) => saidIn(part).split("\n").map((line) => "  " + line))]);
  return chat.rest ? [...lines, ...written(chat.rest).split("\n")] : lines;
}

function saidIn(part) {
  if (typeof part === "string") return part;
  const text = part && typeof part === "object" ? firstText(part.text, part.content) : undefined;
  return text !== undefined && (!part.type || /text/.test(part.type)) ? text : written(part);
}

// The last thing said, or the value, on one line.
function lineOf(value, most = 100) {
  const chat = chatOf(value);
  const last = chat && chat.messages.at(-1);
  const only = value && typeof value === "object" && Object.keys(value).length === 1 ? Object.values(value)[0] : value;
  const text = (chat ? partsOf(last).map((part) => saidIn(part)).join(" ") : written(only ?? "")).replace(/\s+/g, " ").trim();
  return text.length > most ? text.slice(0, most - 1) + "…" : text;
}

// Myers' shortest edit script over lines, as [" ", a], ["-", a], ["+", b] in order. Past the bounds the rest counts as
// changed whole.
function diffLines(a, b) {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const x = a.slice(head, a.length - tail), y = b.slice(head, b.length - tail);
  const middle = x.length > DIFF_LINES || y.length > DIFF_LINES ? null : shortest(x, y);
  return [
    ...a.slice(0, head).map((line) => [" ", line]),
    ...(middle || [...x.map((line) => ["-", line]), ...y.map((line) => ["+", line])]),
    ...a.slice(a.length - tail).map((line) => [" ", line]),
  ];
}

function shortest(x, y) {
  const most = Math.min(DIFF_EDITS, x.length + y.length);
  let front = new Map([[1, 0]]);
  const trail = [];
  for (let edits = 0; edits <= most; edits++) {
    trail.push(front);
    const next = new Map(front);
    for (let k = -edits; k <= edits; k += 2) {
      const down = k === -edits || (k !== edits && (front.get(k - 1) ?? -1) < (front.get(k + 1) ?? -1));
      let i = down ? front.get(k + 1) ?? 0 : (front.get(k - 1) ?? 0) + 1;
      while (i < x.length && i - k < y.length && x[i] === y[i - k]) i++;
      next.set(k, i);
      if (i >= x.length && i - k >= y.length) return backwards(x, y, trail, edits);
    }
    front = next;
  }
  return null;
}

function backwards(x, y, trail, edits) {
  const out = [];
  let i = x.length, j = y.length;
  for (let step = edits; step > 0; step--) {
    const front = trail[step], k = i - j;
    const down = k === -step || (k !== step && (front.get(k - 1) ?? -1) < (front.get(k + 1) ?? -1));
    const before = down ? k + 1 : k - 1;
    const i0 = front.get(before) ?? 0, j0 = i0 - before;
    while (i > i0 && j > j0 && (down ? j - 1 >= j0 + 1 : i - 1 >= i0 + 1)) { out.push([" ", x[--i]]); j--; }
    down ? out.push(["+", y[--j]]) : out.push(["-", x[--i]]);
  }
  while (i > 0 && j > 0) { out.push([" ", x[--i]]); j--; }
  return out.reverse();
}

// The lines in hunks: changes with a few lines around them; null stands for what is left out.
function hunks(rows) {
  const near = rows.map(() => false);
  rows.forEach(([sign], at) => {
    if (sign === " ") return;
    for (let k = Math.max(0, at - CONTEXT_LINES); k <= Math.min(rows.length - 1, at + CONTEXT_LINES); k++) near[k] = true;
  });
  const out = [];
  rows.forEach((row, at) => {
    if (near[at]) out.push(row);
    else if (out.length === 0 || out[out.length - 1] !== null) out.push(null);
  });
  return out;
}

function markedLine(text, other) {
  const node = element("span", "line");
  if (other === undefined || other === text) { node.textContent = text; return node; }
  let from = 0, end = 0;
  while (from < text.length && from < other.length && text[from] === other[from]) from++;
  while (end < text.length - from && end < other.length - from && text[text.length - 1 - end] === other[other.length - 1 - end]) end++;
  node.append(text.slice(0, from), element("mark", "", text.slice(from, text.length - end)), text.slice(text.length - end));
  return node;
}

// Runs of removed and of added lines, side by side: [removed, added] with the lines that stand opposite each other.
function diffNode(a, b, sideways) {
  const rows = hunks(diffLines(a, b));
  const box = element("div", "diff" + (sideways ? " sideways" : ""));
  if (!rows.some((row) => row && row[0] !== " ")) { box.append(element("div", "null", a.length ? "the same" : MISSING)); return box; }
  for (let at = 0; at < rows.length;) {
    if (rows[at] === null) { box.append(element("div", "gap", "⋯")); at++; continue; }
    if (rows[at][0] === " ") { put(box, " ", rows[at][1], undefined, sideways, rows[at][1]); at++; continue; }
    const gone = [], come = [];
    while (at < rows.length && rows[at] && rows[at][0] !== " ") (rows[at][0] === "-" ? gone : come).push(rows[at++][1]);
    if (sideways) {
      for (let k = 0; k < Math.max(gone.length, come.length); k++) put(box, "±", gone[k], come[k], true);
    } else {
      gone.forEach((line, k) => put(box, "-", line, come[k]));
      come.forEach((line, k) => put(box, "+", line, gone[k]));
    }
  }
  return box;
}

function put(box, sign, text, other, sideways, same) {
  const one = (kind, line, against) => {
    const node = element("div", kind === "-" ? "gone" : kind === "+" ? "come" : "");
    node.append(element("span", "sign", line === undefined ? " " : kind), line === undefined ? element("span", "line") : markedLine(line, against));
    return node;
  };
  if (!sideways) { box.append(one(sign, text, sign === " " ? undefined : other)); return; }
  if (sign === " ") box.append(one(" ", same), one(" ", same));
  else box.append(one(text === undefined ? " " : "-", text, other), one(other === undefined ? " " : "+", other, text));
}

function comparison(one, other, sideways) {
  const facts = [
    ["Name", (s) => s.name], ["Status", (s) => s.status], ["Duration", (s) => duration(s.end_ns === null ? null : s.end_ns - s.start_ns)],
    ["Model", (s) => s.model], ["Tokens in", (s) => count(s.input_tokens)], ["Tokens out", (s) => count(s.output_tokens)], ["Cost", (s) => usd(s.cost_usd)],
  ];
  const table = element("table", "compared");
  for (const [name, read] of facts) {
    const line = table.insertRow();
    const values = [read(one), read(other)].map((value) => value ?? MISSING);
    line.append(element("th", "", name), ...values.map((value) => element("td", values[0] === values[1] ? "" : "differs", value)));
  }
  const nodes = [table];
  for (const part of ["input", "output", "attributes"]) {
    nodes.push(element("h2", "", part[0].toUpperCase() + part.slice(1)), diffNode(linesOf(one[part]), linesOf(other[part]), sideways));
  }
  return nodes;
}
