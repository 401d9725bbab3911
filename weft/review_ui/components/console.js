// What a run prints: only the lines in sight are drawn and asked for, however many there are; new ones come while it runs.
const LINE_HIGH = 20;
const LINES_AT_ONCE = 500;
const CONSOLE_AGAIN_MS = 1000;
const LINES_A_FILE = 20_000;

class ConsolePart extends Listening {
  constructor(root, data) {
    super();
    this.data = data;
    this.run = parseExact(data.run);
    this.root = root;
    this.lines = new Map();  // place among those that match -> line
    this.asked = new Set();
    this.follows = !asked().get("line") && !asked().get("at");
    this.build();
    this.on(window, RUN_NEWS, (event) => { if (event.detail.run_id === this.run.run_id) this.run = event.detail; });
    this.on(document, "keydown", (event) => this.key(event));
    this.on(window, "popstate", () => { if (this.root.isConnected) this.reset(); });
    this.size = new ResizeObserver(() => this.paint());
    this.size.observe(this.scroll);
    this.start();
  }

  stop() { super.stop(); this.size.disconnect(); }

  build() {
    this.search = input(asked().get("find") || "", "Find in the console");
    this.search.type = "search";
    this.search.className = "words";
    this.search.setAttribute("aria-label", "Find in the console");
    this.search.oninput = () => { window.clearTimeout(this.typed); this.typed = window.setTimeout(() => this.filter({ find: this.search.value, line: "" }, false), 200); };
    this.rank = chooser([["", "all ranks"]]);
    this.rank.setAttribute("aria-label", "Rank");
    this.rank.onchange = () => this.filter({ rank: this.rank.value, line: "" });
    this.stream = chooser([["", "both streams"], ["stdout", "stdout"], ["stderr", "stderr"]], asked().get("stream") || "");
    this.stream.setAttribute("aria-label", "Stream");
    this.stream.onchange = () => this.filter({ stream: this.stream.value, line: "" });
    this.found = element("span", "found");
    this.found.setAttribute("role", "status");
    this.tail = button("Follow", "To the end, and on with what comes (G)", () => this.toEnd());
    this.times = button("Times", "When each line was printed (t)", () => { this.root.classList.toggle("with-times"); this.paint(); });
    this.saving = button("Download", "All lines that match, as a file", () => this.download());
    const bar = element("div", "topbar"), end = element("span", "end buttons");
    end.append(this.times, this.tail, this.saving);
    bar.append(this.search, this.rank, this.stream, this.found, end);
    this.bar = bar;
    this.canvas = element("div", "lines");
    this.scroll = element("div", "console scroll");
    this.scroll.tabIndex = 0;
    this.scroll.setAttribute("role", "region");
    this.scroll.setAttribute("aria-label", "What the run printed");
    this.scroll.append(this.canvas);
    this.scroll.addEventListener("scroll", () => this.moved(), { passive: true });
    this.problem = element("div");
    this.root.append(bar, this.problem, this.scroll);
  }

  filter(changes, push = true) {
    remember(changes, push);
    this.follows = !changes.find;
    this.reset();
  }

  // Everything anew, as the address says.
  reset() {
    const now = asked();
    if (this.search !== this.root.getRootNode().activeElement) this.search.value = now.get("find") || "";
    this.rank.value = now.get("rank") || "";
    this.stream.value = now.get("stream") || "";
    this.lines.clear();
    this.asked.clear();
    this.turn = (this.turn || 0) + 1;
    this.start();
  }

  query(more) {
    const now = asked(), given = { text: now.get("find"), source: now.get("rank") === "main" ? "" : now.get("rank"), stream: now.get("stream"), ...more };
    return new URLSearchParams(Object.entries(given).filter(([name, value]) => value !== null && value !== undefined && (value !== "" || (name === "source" && now.get("rank")))));
  }

  async read(more) {
    const turn = this.turn, page = await ask(runPath(this.run.run_id, "/console/lines?") + this.query(more));
    return turn === this.turn ? page : null;
  }

  // The last line before a time: lines are in the order of their times, so a few questions find it.
  async lineAt(at) {
    let low = 0, high = (await ask(runPath(this.run.run_id, "/console/lines?limit=1"))).total;
    while (high - low > 1) {
      const middle = (low + high) >> 1, { lines } = await ask(runPath(this.run.run_id, `/console/lines?first=${middle}&limit=1`));
      if (lines.length && plainNumber(lines[0].time_ns) / 1e9 <= at) low = middle; else high = middle;
    }
    return String(low + 1);
  }

  async start() {
    try {
      if (asked().get("at")) { remember({ line: await this.lineAt(Number(asked().get("at"))), at: "" }, false); this.follows = false; }
      const wanted = asked().get("line");
      const page = await this.read(wanted || this.search.value ? { first: wanted ? Math.max(0, Number(wanted) - 1 - LINES_AT_ONCE / 2) : 0, limit: LINES_AT_ONCE } : { limit: LINES_AT_ONCE });
      if (!page) return;
      this.take(page);
      this.scroll.scrollTop = wanted ? (Number(wanted) - 1) * LINE_HIGH - this.scroll.clientHeight / 3 : this.follows ? this.scroll.scrollHeight : 0;
      this.paint();
    } catch (error) { this.problem.replaceChildren(errorNode(error)); }
    this.again(CONSOLE_AGAIN_MS);
  }

  // While the run goes on, its last lines are asked for; one that is drawn anew, such as a progress bar, changes in place.
  again(wait) {
    if (this.stopped || (isOver(this.run) && this.saidLast)) return;
    this.later(async () => {
      this.saidLast = isOver(this.run);
      const began = performance.now();
      try {
        const page = await this.read({ limit: LINES_AT_ONCE });
        if (page) { this.take(page); this.paint(); }
      } catch { /* the next time may do better */ }
      const took = performance.now() - began;
      this.again(Math.max(CONSOLE_AGAIN_MS, 8 * took));
    }, wait);
  }

  take(page) {
    this.problem.replaceChildren();
    const known = this.lines.get(page.first), first = page.lines[0];
    if (known && first && (String(known.time_ns) !== String(first.time_ns) || known.source !== first.source)) {  // another rank's lines came in between
      this.lines.clear();
      this.asked.clear();
    }
    page.lines.forEach((line, at) => this.lines.set(page.first + at, line));
    const grew = page.matched > (this.matched ?? 0);
    this.matched = page.matched;
    this.total = page.total;
    this.fillChoices(page);
    const empty = !page.total;
    this.scroll.hidden = this.bar.hidden = empty;
    if (empty) this.problem.replaceChildren(emptyNode(isOver(this.run) ? "The run printed nothing, or WEFT_CONSOLE was off." : "The run has printed nothing yet.", `import weft\nwith weft.init(${JSON.stringify(this.run.project)}) as run:\n    print("what the program prints is kept, line by line")`));
    this.found.textContent = empty ? "" : page.matched === page.total ? exactly(page.total) + (page.total === 1 ? " line" : " lines") : `${exactly(page.matched)} of ${exactly(page.total)} lines`;
    this.canvas.style.height = this.matched * LINE_HIGH + "px";
    this.root.style.setProperty("--digits", Math.max(3, String(page.total).length) + "ch");
    if (grew && this.follows) this.scroll.scrollTop = this.scroll.scrollHeight;
  }

  fillChoices(page) {
    const marks = page.sources.join("\0");
    this.rank.hidden = page.sources.length < 2;
    this.stream.hidden = page.streams.length < 2;
    this.root.classList.toggle("many-ranks", page.sources.length > 1);
    if (this.marks === marks) return;
    this.marks = marks;
    const words = [...page.sources].sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
    this.rank.replaceChildren(...chooser([["", "all ranks"], ...words.map((one) => [one || "main", one || "main"])], asked().get("rank") || "").children);
  }

  moved() {
    this.follows = this.scroll.scrollTop + this.scroll.clientHeight >= this.scroll.scrollHeight - LINE_HIGH;
    this.paint();
  }

  paint() {
    const { scrollTop, clientHeight } = this.scroll;
    const live = !isOver(this.run);
    this.tail.textContent = live ? "Follow" : "To the end";
    this.tail.setAttribute("aria-pressed", String(live && this.follows));
    this.times.setAttribute("aria-pressed", String(this.root.classList.contains("with-times")));
    const from = Math.max(0, Math.floor(scrollTop / LINE_HIGH) - 10), to = Math.min(this.matched || 0, Math.ceil((scrollTop + clientHeight) / LINE_HIGH) + 10);
    const text = (asked().get("find") || "").toLowerCase(), here = Number(asked().get("line"));
    const rows = [];
    for (let at = from; at < to; at++) {
      const line = this.lines.get(at);
      if (line) rows.push(this.row(at, line, text, here));
      else this.need(Math.floor(at / LINES_AT_ONCE));
    }
    if (!window.getSelection().isCollapsed && this.drawn === from + " " + to && this.scroll.getRootNode().activeElement === this.scroll && this.quiet(rows)) return;
    this.drawn = from + " " + to;
    this.canvas.replaceChildren(...rows);
  }

  // Whether the rows that stand already say the same: then a reader's selection stays.
  quiet(rows) { return rows.length === this.canvas.children.length && rows.every((row, at) => row.textContent === this.canvas.children[at].textContent); }

  row(at, line, text, here) {
    const node = element("div", "said-line " + (line.stream === "stderr" ? "stderr" : ""));
    node.style.top = at * LINE_HIGH + "px";
    const number = element("a", "number", String(line.number + 1));
    number.href = addressWith({ line: String(line.number + 1), find: "", rank: "", stream: "" });
    number.title = `Line ${line.number + 1}, ${line.stream}${line.source ? ", " + line.source : ""}, ${moment(line.time_ns)}`;
    number.onclick = (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      this.filter({ line: String(line.number + 1), find: "", rank: "", stream: "" });
      this.search.value = "";
    };
    if (here === line.number + 1) node.classList.add("here");
    const said = element("span", "line-text");
    said.append(...markedText(line.text, text));
    node.append(number);
    if (this.root.classList.contains("with-times")) node.append(element("span", "when", clockOf(line.time_ns)));
    if (this.root.classList.contains("many-ranks")) node.append(element("span", "rank", line.source || "main"));
    if (line.stream === "stderr") { const mark = element("span", "err", "err"); mark.title = "printed on stderr"; node.append(mark); }
    node.append(said);
    return node;
  }

  async need(page) {
    if (this.asked.has(page)) return;
    this.asked.add(page);
    this.root.classList.add("busy");
    try {
      const found = await this.read({ first: page * LINES_AT_ONCE, limit: LINES_AT_ONCE });
      if (!found) return;
      if (found.lines.length < LINES_AT_ONCE) this.asked.delete(page);  // more may come
      this.take(found);
      if (found.lines.length) this.paint();
    } catch (error) { this.problem.replaceChildren(errorNode(error)); } finally { this.root.classList.remove("busy"); }
  }

  toEnd() {
    this.follows = true;
    if (asked().get("line")) { remember({ line: "" }); this.reset(); return; }
    this.scroll.scrollTop = this.scroll.scrollHeight;
    this.paint();
  }

  key(event) {
    const inside = event.composedPath()[0] === this.search;
    if (inside && event.key === "Escape" && this.search.value) { this.search.value = ""; this.filter({ find: "", line: "" }); return; }
    if (typing(event)) return;
    if (event.key === "/") { this.search.focus(); this.search.select(); }
    else if (event.key === "g") { this.follows = false; this.scroll.scrollTop = 0; }
    else if (event.key === "G") this.toEnd();
    else if (event.key === "t") this.times.click();
    else return;
    event.preventDefault();
  }

  async download() {
    this.saving.disabled = true;
    try {
      const parts = [];
      for (let first = 0; ; first += LINES_A_FILE) {
        const page = await this.read({ first, limit: LINES_A_FILE });
        if (!page) return;
        parts.push(page.lines.map((line) => line.text + "\n").join(""));
        if (first + LINES_A_FILE >= page.matched) break;
      }
      save(fileName(this.run.name) + ".log", new Blob(parts, { type: "text/plain" }));
    } catch (error) { this.problem.replaceChildren(errorNode(error)); } finally { this.saving.disabled = false; }
  }
}

// A text with what is looked for marked, whatever its case.
function markedText(text, wanted) {
  const low = text.toLowerCase();
  if (!wanted || low.length !== text.length) return [text];
  const parts = [];
  let at = 0;
  for (let hit = low.indexOf(wanted); hit >= 0; hit = low.indexOf(wanted, at)) {
    parts.push(text.slice(at, hit), element("mark", "", text.slice(hit, hit + wanted.length)));
    at = hit + wanted.length;
  }
  return [...parts, text.slice(at)];
}

const exactly = (number) => number.toLocaleString("en-US");
const clockOf = (ns) => new Date(plainNumber(ns) / 1e6).toLocaleTimeString(undefined, { hour12: false });

export default mountOf(ConsolePart);
