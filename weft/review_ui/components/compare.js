// Evaluations side by side: every shared metric with its paired difference, then the examples that changed.
const FLIPS = 25;

const chance = (p) => (p === null ? MISSING : plainNumber(p) < 0.001 ? "<0.001" : plainNumber(p).toFixed(3));

class ComparePage {
  constructor(root, data) {
    this.root = root;
    this.data = data;
    this.say = element("div", "verdict");
    this.table = element("div", "scroll-x");
    this.bar = element("div", "topbar");
    this.list = element("div", "flips");
    this.pager = element("div", "buttons");
    root.replaceChildren(this.say, this.table, this.bar, this.list, this.pager);
    this.at = -1;
  }

  get runs() { return this.data.runs.join(","); }

  async open() {
    this.say.replaceChildren(element("div", "skeleton"));
    try {
      this.told = await ask("/api/comparisons?" + new URLSearchParams({ runs: this.runs }));
    } catch (error) {
      this.say.replaceChildren(errorNode(error));
      return;
    }
    this.metrics = [...new Set(this.told.pairs.flatMap((pair) => pair.metrics.map((row) => row.metric)))];
    this.follow();
  }

  // Flips are crossings: of the metrics, one of yes and no tells most.
  get metric() {
    const wish = asked().get("metric");
    if (this.metrics.includes(wish)) return wish;
    const rows = this.told.pairs.flatMap((pair) => pair.metrics);
    return (rows.find((row) => row.difference.method === "tango") || rows[0]).metric;
  }

  follow() {
    this.drawVerdict();
    this.drawTable();
    this.drawBar();
    return this.load();
  }

  change(changes) {
    remember({ first: "", ...changes });
    this.follow();
  }

  name(at) {
    const run = this.told.runs[at], alike = this.told.runs.filter((one) => one.target === run.target).length > 1;
    return (run.target || run.name) + (alike ? " " + run.run_id.slice(0, 6) : "");
  }

  row(pair) { return pair.metrics.find((row) => row.metric === this.metric); }

  drawVerdict() {
    const lines = this.told.pairs.map((pair, at) => {
      const row = this.row(pair), line = element("div");
      if (this.told.pairs.length > 1) line.append(element("b", "", this.name(at + 1) + ": "));
      line.append(row ? row.sentence : this.metric + " was not measured there.");
      return line;
    });
    this.say.replaceChildren(...lines);
  }

  drawTable() {
    const all = this.told.pairs.flatMap((pair) => pair.metrics);
    const reach = Math.max(0, ...all.flatMap((row) => [row.difference.value, row.difference.low, row.difference.high].filter((v) => v !== null).map((v) => Math.abs(plainNumber(v))))) || 1;
    const table = element("table", "list differences"), head = table.createTHead().insertRow();
    const columns = [["Metric", ""], ["Baseline", "r low"], ["Candidate", "r"], ["±" + number(reach, 2), "drawn"], ["Difference", "r mid"], ["Up", "r few low2"], ["Down", "r few low2"],
      ["p", "r p low"], ["p (Holm)", "r p"], ["Smallest effect", "r few2 low"], ["n", "r few low"], ["Test", "test low"]];
    for (const [text, className] of columns) head.append(element("th", className, text));
    const body = table.createTBody();
    this.told.pairs.forEach((pair, at) => {
      if (this.told.pairs.length > 1) {
        const line = body.insertRow(), cell = line.insertCell();
        cell.colSpan = columns.length;
        cell.className = "group";
        cell.append(linkTo(this.name(at + 1), "/evaluation?" + new URLSearchParams({ id: pair.after })), element("span", "soft", " against " + this.name(0)));
      }
      for (const row of pair.metrics) this.difference(body.insertRow(), row, reach);
    });
    this.table.replaceChildren(table, csvLink("weft-comparison", () => this.csv()));
  }

  difference(line, row, reach) {
    const d = row.difference, put = (text, className, title) => {
      const cell = line.insertCell();
      cell.className = className || "";
      cell.textContent = text;
      cell.title = title || text;
      return cell;
    };
    line.className = "link" + (row.metric === this.metric ? " at" : "");
    line.onclick = () => this.change({ metric: row.metric });
    put("", "").replaceChildren(button(row.metric, "Show what flipped in " + row.metric, (event) => { event.stopPropagation(); this.change({ metric: row.metric }); }, "quiet"));
    put(interval(row.before), "r low", "n=" + count(row.before.n) + ", " + (row.before.reason || row.before.method));
    put(interval(row.after), "r", "n=" + count(row.after.n) + ", " + (row.after.reason || row.after.method));
    const drawn = put("", "drawn", d.reason || d.method);
    if (d.value !== null) drawn.append(whisker([d.value, d.low, d.high].map(plainNumber), [-reach, reach]));
    const spread = d.low === null || d.high === null ? "" : ` [${signed(d.low)}, ${signed(d.high)}]`;
    put(d.value === null ? MISSING : signed(d.value) + spread, "r mid", d.reason || d.method);
    put(count(row.gained), "r few low2");
    put(count(row.lost), "r few low2");
    put(chance(row.p_value), "r few low", row.p_value === null ? "no test fits" : String(row.p_value));
    const clear = row.adjusted_p !== null && plainNumber(row.adjusted_p) < 1 - plainNumber(d.level);
    put(chance(row.adjusted_p), "r few" + (clear ? " clear" : ""), [row.adjusted_p, clear ? "beyond chance after Holm's adjustment" : "not beyond chance"].filter((one) => one !== null).join(", "));
    const needed = row.examples_needed === null ? "" : "; to show the difference that was seen it takes " + count(row.examples_needed) + " examples";
    put(row.smallest_effect === null ? MISSING : number(row.smallest_effect, 2), "r few2 low", "the true difference that so many examples show with a chance of 80 %" + needed);
    put(count(d.n), "r few low", plainNumber(d.missing) ? count(d.missing) + " missing in one or both" : "");
    put(row.test || MISSING, "low");
  }

  csv() {
    const head = ["result", "metric", "baseline", "candidate", "difference", "low", "high", "up", "down", "p", "p_holm", "smallest_effect", "n", "test"];
    return [head, ...this.told.pairs.flatMap((pair) => pair.metrics.map((row) => [pair.after, row.metric, ...[row.before.value, row.after.value, row.difference.value,
      row.difference.low, row.difference.high, row.gained, row.lost, row.p_value, row.adjusted_p, row.smallest_effect, row.difference.n].map(plainNumber), row.test]))];
  }

  drawBar() {
    const rows = this.told.pairs.map((pair) => this.row(pair)).filter(Boolean);
    const sum = (name) => rows.reduce((total, row) => total + plainNumber(row[name]), 0);
    const less = rows.some((row) => row.lower_is_better), share = rows.some((row) => row.is_share), direction = asked().get("direction") || "";
    const way = (value, text) => {
      const node = button(text, "", () => this.change({ direction: value }), "chip");
      node.setAttribute("aria-pressed", String(value === direction));
      return node;
    };
    const metric = chooser(this.metrics.map((name) => [name, name]), this.metric);
    metric.setAttribute("aria-label", "Metric");
    metric.onchange = () => this.change({ metric: metric.value });
    const [down, up] = less ? [sum("gained"), sum("lost")] : [sum("lost"), sum("gained")];
    this.bar.replaceChildren(element("h2", "", "Flips in"), metric, way("", "both ways"), way("worse", "▼ " + count(down) + (share ? " fell" : " worse")), way("better", "▲ " + count(up) + (share ? " rose" : " better")));
  }

  async load() {
    const first = Number(asked().get("first")) || 0, turn = this.turn = (this.turn || 0) + 1;
    const query = { runs: this.runs, metric: this.metric, direction: asked().get("direction") || "", first, count: FLIPS };
    this.root.classList.add("busy");
    try {
      const answer = await ask("/api/comparisons/flips?" + new URLSearchParams(query));
      if (turn !== this.turn) return;
      const found = plainNumber(answer.found);
      this.list.replaceChildren(...answer.rows.map((row) => this.flip(row)));
      if (!found) this.list.replaceChildren(element("div", "soft", "No example changed in " + this.metric + "."));
      const leads = [];
      if (first > 0) leads.push(button("Previous", "", () => this.change({ first: String(Math.max(0, first - FLIPS) || "") })));
      if (first + FLIPS < found) leads.push(button("Next", "", () => this.change({ first: String(first + FLIPS) })));
      if (leads.length) leads.push(element("span", "soft", count(first + 1) + " to " + count(Math.min(found, first + FLIPS)) + " of " + count(found)));
      this.pager.replaceChildren(...leads);
      this.at = -1;
    } catch (error) {
      if (turn === this.turn) this.list.replaceChildren(errorNode(error));
    } finally { if (turn === this.turn) this.root.classList.remove("busy"); }
  }

  flip(row) {
    const [less, share] = ["lower_is_better", "is_share"].map((name) => this.told.pairs.some((pair) => { const one = this.row(pair); return one && one[name]; }));
    const means = row.sides.map((side) => {
      const known = side.values.filter((value) => value !== null).map(plainNumber);
      return known.length ? known.reduce((a, b) => a + b, 0) / known.length : null;
    });
    const box = element("article", "flip"), head = element("div", "flip-head");
    head.append(element("b", "", lineOf(row.input, 200) || row.example_id), element("span", "soft", row.example_id));
    for (const tag of row.tags) head.append(element("span", "tag", tag));
    const context = { project: this.data.project, folds: new Map(), raw: new Set(), frees: [] };
    const sides = element("div", "versus");
    sides.style.setProperty("--sides", String(row.sides.length));
    const before = row.sides[0];
    row.sides.forEach((side, at) => {
      const part = element("div", "side-of"), title = element("div", "side-head");
      const change = at && means[at] !== null && means[0] !== null ? means[at] - means[0] : 0;
      const worse = less ? change > 0 : change < 0;
      const value = element("span", change && !share ? (worse ? "bad" : "good") : "", (change ? (change > 0 ? "▲ " : "▼ ") : "") + number(means[at]));
      title.append(element("span", "soft", at ? this.name(at) : "Baseline: " + this.name(0)), value);
      if (side.values.length > 1) title.append(element("span", "soft", "mean of " + side.values.length));
      const href = traceHref(side.sample);
      if (href) title.append(linkTo("trace", href));
      part.append(title, side.sample === null ? element("div", "soft", "not run") : this.answer(side.sample, at ? before.sample : null, context));
      const why = side.scores.find((score) => score.name === this.metric && score.explanation);
      if (why) part.append(element("div", "soft why", why.explanation));
      sides.append(part);
    });
    box.append(head, sides);
    if (row.expected !== null) {
      const wish = element("details", "wish");
      wish.append(element("summary", "", "Expected: " + lineOf(row.expected, 160)), contentNode(row.expected, context));
      box.append(wish);
    }
    const href = traceHref((row.sides.at(-1) || {}).sample);
    box.weftHref = href;
    return box;
  }

  answer(sample, before, context) {
    if (sample.failure) return element("div", "failure bad", sample.failure.type + ": " + sample.failure.message);
    if (before && !before.failure && before.output !== null && sample.output !== null) return diffNode(linesOf(before.output), linesOf(sample.output), false);
    const box = element("div", "said-whole");
    box.append(...[contentNode(sample.output, context)].flat());
    return box;
  }

  listen() {
    const key = (event) => {
      if (typing(event)) return;
      const rows = [...this.list.querySelectorAll(".flip")];
      if (event.key === "j") this.at = Math.min(rows.length - 1, this.at + 1);
      else if (event.key === "k") this.at = Math.max(0, this.at - 1);
      else if (event.key === "Enter" && rows[this.at] && rows[this.at].weftHref && event.composedPath()[0].tagName !== "BUTTON") { follow(event, rows[this.at].weftHref); return; }
      else return;
      rows.forEach((node, index) => node.classList.toggle("at", index === this.at));
      if (rows[this.at]) rows[this.at].scrollIntoView({ block: "nearest" });
    };
    const back = () => { if (this.told && asked().get("runs") === this.runs) this.follow(); };
    document.addEventListener("keydown", key);
    window.addEventListener("popstate", back);
    return () => {
      document.removeEventListener("keydown", key);
      window.removeEventListener("popstate", back);
    };
  }
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root");
  const key = JSON.stringify(data);
  if (!root.weft || root.weft.key !== key) {
    const page = new ComparePage(root, data);
    root.weft = { key, page };
    page.open();
  }
  return root.weft.page.listen();
}
