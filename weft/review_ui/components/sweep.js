// The page of one sweep: its head, the table of its trials, and beside it how far it is, what its parameters do, how
// trials went on, and the space that is searched. All parts share one model.
const SWEEP_PARTS_SHOWN = [["", "Overview"], ["parameters", "Parameters"], ["progress", "Intermediate values"], ["space", "Search space"]];
const CHARTS_MS = 1500;  // charts over all trials are drawn anew at most so often while a sweep runs

class SweepPage {
  constructor(root, data) {
    this.root = root;
    this.data = data;
    this.model = new SweepModel(data.sweep);
    this.board = new Board((names) => this.changed(names));
    this.build();
    this.ends = this.model.onChange((numbers) => this.news(numbers));
    this.model.start();
  }

  build() {
    const top = element("div", "sweep-top");
    this.left = element("div", "table-pane");
    this.right = element("div", "charts-side");
    this.split = splitter(this.root, this.board);
    this.panes = element("div", "panes");
    this.panes.append(this.left, this.split, this.right);
    this.tabs = element("div", "tabs");
    this.tabs.setAttribute("role", "tablist");
    this.tabs.setAttribute("aria-label", "Parts of the sweep");
    this.tabNodes = SWEEP_PARTS_SHOWN.map(([name, text], at) => {
      const node = button(text, `(${at + 1})`, () => this.board.set({ part: name }), "tab");
      node.setAttribute("role", "tab");
      node.weftPart = name;
      return node;
    });
    this.tabs.append(...this.tabNodes);
    this.pane = element("div", "chart-pane");
    this.pane.tabIndex = -1;
    this.right.append(this.tabs, this.pane);
    this.root.dataset.pane = "both";
    this.root.replaceChildren(top, this.panes);
    this.head = new SweepHead(top, this.model);
    this.table = new TrialsTable(this.left, this.model, this.board, this.data.palette);
    this.shown = [];
    this.sized = new ResizeObserver(() => this.fit());
    this.sized.observe(this.root);
    this.layout();
  }

  fit() { this.root.style.setProperty("--tall", Math.max(460, window.innerHeight - 140) + "px"); }

  layout() {
    this.root.style.setProperty("--share", this.board.get("share") + "%");
    const part = SWEEP_PARTS_SHOWN.some(([name]) => name === this.board.get("part")) ? this.board.get("part") : "";
    for (const node of this.tabNodes) node.setAttribute("aria-selected", String(node.weftPart === part));
    if (part === this.part) return;
    this.part = part;
    this.clear();
    const { model, board, data: { palette } } = this;
    if (part === "parameters") this.charts = new SweepCharts(this.pane, model);
    else if (part === "progress") this.shown = [new IntermediateValues(this.pane, model, board, palette)];
    else if (part === "space") this.shown = [new SearchSpace(this.pane, model)];
    else this.shown = [new BestSoFar(this.pane, model, board, palette), new BestTrial(this.pane, model, board)];
    for (const one of this.shown) one.update();
  }

  clear() {
    for (const one of this.shown) one.stop();
    this.charts?.destroy();
    window.clearTimeout(this.chartsDue);
    this.shown = [];
    this.charts = this.chartsDue = null;
    this.pane.replaceChildren();
  }

  news(numbers) {
    this.spotlight();
    if (!this.charts || (numbers && !numbers.length && this.model.error)) return;
    if (numbers === null) { this.charts.update(); return; }
    this.chartsDue ??= window.setTimeout(() => { this.chartsDue = null; this.charts?.update(); }, CHARTS_MS);
  }

  // A trial that the address names is chosen and brought into sight, once.
  spotlight() {
    const wanted = asked().get("trial"), number = Number(wanted);
    if (this.lit || wanted === null || !(number < this.model.count)) return;
    this.lit = true;
    this.model.choose([number]);
    this.table.reach(number);
  }

  changed(names) {
    this.layout();
    const any = (of) => !names.length || names.some((name) => of.includes(name));
    if (any(["sort", "state", "words", "only"])) this.table.render();
    if (any(["objective", "by", "ly", "all", "plx", "ply"])) for (const one of this.shown) one.update();
  }

  key(event) {
    if (inDialog(event)) return false;
    if (leavesText(event)) return true;
    // A chart that has the focus is walked along by keys of its own.
    const within = (name) => event.composedPath().some((node) => node.classList?.contains(name));
    if (/^(Arrow.*|Enter|Delete|Backspace|b)$/.test(event.key) ? within("chart") : event.key === "Escape" && within("brushed")) return false;
    if (event.key === "Escape") {
      const menu = this.root.querySelector(".menu"), open = [...this.root.querySelectorAll(".formhost")].find((host) => host.hasChildNodes());
      if (menu) { menu.close(); return true; }
      if (open) { open.replaceChildren(); return true; }
      if (event.composedPath()[0].tagName === "TEXTAREA" || event.composedPath()[0].tagName === "INPUT") return false;
      if (this.model.chosen.size) { this.model.choose([]); return true; }
      return false;
    }
    if (typing(event)) return false;
    if (event.key === "/") { this.table.words.focus(); return true; }
    const part = SWEEP_PARTS_SHOWN[Number(event.key) - 1];
    if (part) { this.board.set({ part: part[0] }); return true; }
    if (event.key === "Enter" && /^(BUTTON|A|SUMMARY)$/.test(event.composedPath()[0].tagName)) return false;
    return this.head.press(event.key) || this.table.press(event.key);
  }

  back() { if (window.location.pathname === "/sweep" && asked().get("id") === this.data.sweep) this.changed([]); }

  stop() {
    this.ends();
    this.clear();
    this.head.stop();
    this.table.stop();
    this.model.stop();
    this.sized.disconnect();
  }
}

export default pageOf(SweepPage);
