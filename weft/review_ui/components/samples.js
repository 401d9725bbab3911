// The samples of an evaluation, of which one page at a time comes from the API: filtered, searched, sorted, opened,
// ticked and sent to people. What is asked for stands in the address.
const PAGE_ROWS = 50;
const MOST_COLUMNS = 6;
const MOST_TICKED_IN_ADDRESS = 40;
const SLOW_MS = 10_000;

// A metric as a filter names it.
function fieldName(metric) {
  if (/^[A-Za-z_][\w./@:^-]*(=[\w./@-]+)?$/.test(metric)) return metric;
  return metric.includes('"') ? "'" + metric + "'" : '"' + metric + '"';
}

const quotedText = (text) => (text.includes('"') ? "'" + text + "'" : '"' + text + '"');

function traceHref(sample) {
  return sample && sample.trace_id ? "/trace?" + new URLSearchParams({ id: sample.trace_id, ...(sample.span_id ? { span: sample.span_id } : {}) }) : null;
}

class Samples {
  constructor(data, head, changed) {
    this.data = data;
    this.path = "/api/evaluations/" + encodeURIComponent(data.run);
    this.columns = head.metrics.slice(0, MOST_COLUMNS);
    this.head = head;
    this.changed = changed;
    this.ticked = new Map();
    this.at = -1;
    this.build();
    this.follow();
  }

  build() {
    this.node = element("section", "samples");
    this.where = element("input", "where");
    this.where.type = "text";
    this.where.spellcheck = false;
    this.where.placeholder = "Filter: " + (this.columns.length ? fieldName(this.columns[0]) + " < 0.5 and not failed" : "failed");
    this.where.setAttribute("aria-label", "Filter samples");
    this.words = element("input", "words");
    this.words.type = "search";
    this.words.placeholder = "Words in input, output, expected";
    this.words.setAttribute("aria-label", "Search samples");
    const go = () => this.change({ where: this.where.value.trim(), text: this.words.value.trim() });
    this.where.onchange = this.words.onchange = go;
    this.found = element("span", "found");
    this.found.setAttribute("role", "status");
    const bar = element("div", "topbar");
    this.send = button("Send to review", "Send the ticked samples, or all that the filter finds, to people (r)", () => this.review());
    bar.append(this.where, this.words, this.found, this.send);
    this.host = element("div", "formhost");
    this.wrong = element("div");
    this.body = element("div", "scroll-x");
    this.pager = element("div", "buttons pager");
    this.node.append(element("h2", "", "Samples"), bar, this.wrong, this.host, this.body, this.pager);
  }

  // Read what the address asks for, as after a step back.
  follow() {
    const now = asked();
    this.where.value = now.get("where") || "";
    this.words.value = now.get("text") || "";
    this.order = now.get("order") || "";
    this.first = Number(now.get("first")) || 0;
    this.opened = now.get("sample") || "";
    try {
      this.ticked = new Map(JSON.parse(now.get("sel") || "[]").map((pair) => [JSON.stringify(pair), pair]));
    } catch { this.ticked = new Map(); }
    return this.load();
  }

  change(changes, push = true) {
    remember({ first: "", sample: "", ...changes }, push);
    this.changed();
    return this.follow();
  }

  // Add a condition to the filter, or take it out where it is there.
  toggle(condition) {
    const parts = (asked().get("where") || "").split(/ and /).filter(Boolean);
    const has = parts.join(" and ").includes(condition);
    const rest = has ? parts.join(" and ").replace(condition, "").split(/ and /).map((part) => part.trim()).filter(Boolean) : parts;
    this.change({ where: [...rest, ...(has ? [] : [condition])].join(" and ") });
  }

  async load() {
    const now = asked(), wish = {};
    for (const name of ["where", "text", "order", "first"]) if (now.get(name)) wish[name] = now.get(name);
    const path = this.path + "/samples?" + new URLSearchParams({ ...wish, count: PAGE_ROWS });
    if (this.abort) this.abort.abort();
    const abort = this.abort = new AbortController();
    this.node.classList.add("busy");
    const slow = window.setTimeout(() => {
      this.wrong.replaceChildren(element("span", "soft", "Still reading the samples of this evaluation. "), button("Stop", "", () => abort.abort(), "quiet"));
    }, SLOW_MS);
    try {
      const answer = await ask(path, { signal: abort.signal });
      if (abort !== this.abort) return;
      this.wrong.replaceChildren();
      this.rows = answer.rows;
      this.total = answer.samples;
      this.count = answer.found;
      this.draw();
    } catch (error) {
      if (abort === this.abort) this.wrong.replaceChildren(error.name === "AbortError" ? element("span", "soft", "Stopped.") : errorNode(error));
    } finally {
      window.clearTimeout(slow);
      if (abort === this.abort) this.node.classList.remove("busy");
    }
  }

  key(row) { return row.sample.repetition + "." + row.sample.example_id; }
  pair(row) { return [row.sample.example_id, plainNumber(row.sample.repetition)]; }

  draw() {
    const all = this.count === this.total;
    this.found.textContent = (all ? count(this.total) : count(this.count) + " of " + count(this.total)) + " samples";
    this.at = this.rows.findIndex((row) => this.key(row) === this.opened);
    const table = element("table", "list");
    const head = table.createTHead().insertRow();
    const every = element("input");
    every.type = "checkbox";
    every.setAttribute("aria-label", "tick all of this page");
    every.checked = this.rows.length > 0 && this.rows.every((row) => this.ticked.has(JSON.stringify(this.pair(row))));
    every.onclick = () => this.tick(this.rows, every.checked);
    const corner = element("th", "check");
    corner.append(every);
    head.append(corner, this.sorter("Input", "example", "wide"), element("th", "wide", "Output"), element("th", "wide low", "Expected"),
      ...this.columns.map((name) => this.sorter(name, name, "r score")), this.sorter("Time", "latency_s", "r time low"));
    if (this.head.cost_usd !== null) head.append(this.sorter("Cost", "cost_usd", "r time low"));
    const wide = (cell, texts) => { cell.style.width = roomFor(this.node, [cell.textContent, ...texts], 64, 160) + "px"; };
    this.columns.forEach((name, at) => wide(head.cells[4 + at], this.rows.map((row) => this.figure(row, name))));
    wide(head.cells[4 + this.columns.length], this.rows.map(({ sample }) => duration(sample.ended_ns - sample.started_ns)));
    if (this.head.cost_usd !== null) wide(head.cells[5 + this.columns.length], this.rows.map(({ sample }) => usd(sample.cost_usd)));
    const body = table.createTBody();
    this.lines = [];
    for (const row of this.rows) this.line(body, row);
    if (!this.rows.length) {
      const cell = body.insertRow().insertCell();
      cell.colSpan = 20;
      cell.className = "soft";
      cell.textContent = "No sample fits this filter.";
    }
    this.body.replaceChildren(table);
    const leads = [];
    if (this.first > 0) leads.push(button("Previous", "", () => this.change({ first: String(Math.max(0, this.first - PAGE_ROWS) || "") })));
    if (this.first + PAGE_ROWS < this.count) leads.push(button("Next", "", () => this.change({ first: String(this.first + PAGE_ROWS) })));
    if (leads.length) leads.push(element("span", "soft", count(this.first + 1) + " to " + count(Math.min(this.count, this.first + PAGE_ROWS))));
    this.pager.replaceChildren(...leads, csvLink("weft-samples", () => this.csv()));
    this.told();
  }

  sorter(label, order, className) {
    const th = element("th", className);
    const up = this.order === order, down = this.order === "-" + order;
    const node = element("button", "sort", label + (up ? " ↑" : down ? " ↓" : ""));
    node.title = "Sort by " + label;
    node.onclick = () => this.change({ order: up ? "-" + order : down ? "" : order });
    th.append(node);
    if (up || down) th.setAttribute("aria-sort", up ? "ascending" : "descending");
    return th;
  }

  score(row, name) {
    const [score, label] = [row.scores.find((one) => one.source !== "human" && one.name === name), name.indexOf("=")];
    if (score || label < 0) return score;
    const of = row.scores.find((one) => one.source !== "human" && one.name === name.slice(0, label));
    return of && { ...of, value: of.failure ? null : Number(of.label === name.slice(label + 1)) };
  }

  figure(row, name) {
    const score = this.score(row, name);
    return !score || score.failure ? MISSING : number(score.value);
  }

  line(body, row) {
    const sample = row.sample, tr = body.insertRow(), failed = sample.status !== "ok", spoken = this.key(row);
    tr.className = "link" + (spoken === this.opened ? " at" : "");
    const tick = element("input");
    tick.type = "checkbox";
    tick.checked = this.ticked.has(JSON.stringify(this.pair(row)));
    tick.setAttribute("aria-label", "tick");
    tick.onclick = (event) => { event.stopPropagation(); this.tick([row], tick.checked); };
    const check = tr.insertCell();
    check.className = "check";
    check.onclick = (event) => event.stopPropagation();
    check.append(tick);
    const cell = (text, className, title) => {
      const node = tr.insertCell();
      node.className = className || "";
      node.textContent = text || MISSING;
      node.title = title || text || "not recorded";
      return node;
    };
    const input = cell("", "wide"), open = element("button", "opener", lineOf(sample.input, 160) || sample.example_id);
    open.setAttribute("aria-expanded", String(spoken === this.opened));
    open.title = sample.example_id + (plainNumber(sample.repetition) ? ", repetition " + sample.repetition : "");
    input.replaceChildren(open);
    if (failed) {
      const said = sample.failure ? sample.failure.type + ": " + sample.failure.message : sample.status;
      cell("▲ " + said, "wide bad", said);
    } else cell(lineOf(sample.output, 160), "wide");
    cell(lineOf(sample.expected, 160), "wide low");
    for (const name of this.columns) {
      const score = this.score(row, name);
      const lost = !score ? "no score: the sample failed, or it was not scored" : score.failure ? score.failure.type + ": " + score.failure.message : "";
      cell(this.figure(row, name), "r score" + (score && score.failure ? " bad" : ""), lost || [String(score.value), score.explanation].filter(Boolean).join("  "));
    }
    cell(duration(sample.ended_ns - sample.started_ns), "r time low");
    if (this.head.cost_usd !== null) cell(usd(sample.cost_usd), "r time low");
    tr.onclick = (event) => { if (!event.target.closest("a, input")) this.open(spoken === this.opened ? "" : spoken); };
    this.lines.push(tr);
    if (spoken === this.opened) {
      const under = body.insertRow().insertCell();
      under.colSpan = 20;
      under.className = "opened";
      under.append(this.detail(row));
    }
  }

  open(spoken) {
    remember({ sample: spoken });
    this.opened = spoken;
    this.draw();
    const tr = this.lines[this.at];
    if (tr) tr.scrollIntoView({ block: "nearest" });
  }

  detail(row) {
    const sample = row.sample, context = { project: this.data.project, folds: new Map(), raw: new Set(), frees: [] };
    const box = element("div", "detail");
    const links = element("div", "buttons"), href = traceHref(sample);
    if (href) links.append(linkTo("Open the trace", href), element("kbd", "", "o"));
    links.append(element("span", "soft", [sample.example_id, plainNumber(sample.repetition) ? "repetition " + sample.repetition : "", sample.cluster && "cluster " + sample.cluster].filter(Boolean).join(", ")));
    for (const tag of sample.tags) links.append(button(tag, "Only this tag", () => this.toggle("tag == " + quotedText(tag)), "chip"));
    const part = (title, ...nodes) => { const one = element("div", "part"); one.append(element("h2", "", title), ...nodes.flat()); return one; };
    const sides = element("div", "sides");
    sides.append(part("Input", contentNode(sample.input, context)));
    const failed = sample.failure && element("div", "failure bad", sample.failure.type + ": " + sample.failure.message);
    if (failed && sample.failure.stack) {
      const more = element("details");
      more.append(element("summary", "", "Stack"), textBlock(sample.failure.stack, "text mono"));
      failed.append(more);
    }
    sides.append(part("Output", failed || contentNode(sample.output, context)));
    box.append(links, sides);
    if (sample.expected !== null && !failed) box.append(part("Expected (left) and output (right)", diffNode(linesOf(sample.expected), linesOf(sample.output), true)));
    else if (sample.expected !== null) box.append(part("Expected", contentNode(sample.expected, context)));
    if (row.scores.length) box.append(part("Scores", scoreTable(row.scores)));
    return box;
  }

  tick(rows, on) {
    for (const row of rows) {
      const pair = this.pair(row), key = JSON.stringify(pair);
      on ? this.ticked.set(key, pair) : this.ticked.delete(key);
    }
    const few = this.ticked.size <= MOST_TICKED_IN_ADDRESS;
    remember({ sel: few && this.ticked.size ? JSON.stringify([...this.ticked.values()]) : "" }, false);
    this.draw();
  }

  told() {
    this.send.textContent = this.ticked.size ? "Send " + count(this.ticked.size) + " to review" : "Send to review";
  }

  async review() {
    const queues = await ask("/api/queues?project=" + encodeURIComponent(this.data.project)).catch(() => []);
    const fresh = "\u0000new";
    const which = chooser([...queues.map((one) => [one.name, one.name]), [fresh, "a new queue"]]);
    const chosen = [...this.ticked.values()];
    const what = chooser([...(chosen.length ? [["ticked", count(chosen.length) + " ticked"]] : []),
      ["found", "all " + count(this.count) + (this.count === this.total ? " samples" : " that the filter finds")]]);
    const name = input("", "name of the new queue"), asks = input("Is the answer correct?", "what people are asked"), why = input("", "why people should look at them");
    const fields = [field("Name", name), field("Question", asks)];
    const show = () => fields.forEach((one) => { one.hidden = which.value !== fresh; });
    which.onchange = show;
    show();
    form(this.host, "Send samples to people", [field("Samples", what), field("Queue", which), ...fields, field("Reason", why)], "Send", async () => {
      const queue = which.value === fresh ? name.value.trim() : which.value;
      if (!queue) throw new Error("Give the new queue a name.");
      const part = what.value === "ticked" ? { samples: chosen } : { where: asked().get("where") || "", text: asked().get("text") || "" };
      const answer = await send(this.path + "/review", { queue, question: asks.value.trim() || null, reason: why.value.trim(), ...part });
      const waits = count(answer.added) + (plainNumber(answer.added) === 1 ? " sample waits in " : " samples wait in ");
      const rest = plainNumber(answer.chosen) - plainNumber(answer.added);
      this.ticked.clear();
      remember({ sel: "" }, false);
      this.draw();
      return [waits, linkTo(answer.queue.name, "/review?" + new URLSearchParams({ queue: answer.queue.name, project: this.data.project })),
        rest ? "; " + count(rest) + " had no answer or were there already." : "."];
    });
  }

  csv() {
    const head = ["example_id", "repetition", "status", "input", "output", "expected", ...this.columns];
    return [head, ...this.rows.map((row) => [row.sample.example_id, plainNumber(row.sample.repetition), row.sample.status,
      ...["input", "output", "expected"].map((name) => (row.sample[name] === null ? null : written(row.sample[name]))),
      ...this.columns.map((name) => { const score = this.score(row, name); return score ? plainNumber(score.value) : null; })])];
  }

  press(event) {
    const leap = (by) => {
      const next = Math.min(this.rows.length - 1, Math.max(0, this.at + by));
      this.at = next;
      this.lines.forEach((tr, index) => tr.classList.toggle("at", index === next));
      if (this.lines[next]) this.lines[next].scrollIntoView({ block: "nearest" });
    };
    const row = this.rows && this.rows[this.at];
    const act = { j: () => leap(1), k: () => leap(-1), r: () => this.review(), "/": () => this.where.focus(),
      Enter: () => row && this.open(this.key(row) === this.opened ? "" : this.key(row)),
      x: () => row && this.tick([row], !this.ticked.has(JSON.stringify(this.pair(row)))),
      o: () => row && traceHref(row.sample) && visit(traceHref(row.sample)),
      Escape: () => (this.host.hasChildNodes() ? (this.host.replaceChildren(), true) : this.opened ? (this.open(""), true) : false) }[event.key];
    if (!act || (event.key === "Enter" && event.composedPath()[0].tagName === "BUTTON")) return false;
    const at = this.at, done = act();
    if (event.key === "x") { this.at = at; leap(0); }
    return event.key !== "Escape" || done;
  }
}

function scoreTable(scores) {
  const table = element("table", "scores");
  for (const score of scores) {
    const line = table.insertRow();
    const said = score.failure ? "▲ " + score.failure.type + ": " + score.failure.message : [score.value === null ? "" : number(score.value), score.label].filter(Boolean).join(" ");
    const who = score.source === "human" ? (score.author || "a person") + ((score.metadata || {}).simulated ? ", simulated" : "") : score.source;
    line.append(element("th", "", score.name), element("td", score.failure ? "bad" : "", said || MISSING), element("td", "", score.explanation || ""), element("td", "soft", who));
  }
  return table;
}
