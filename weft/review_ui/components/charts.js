// The charts of some runs, as a part of other pages: all that the page of runs has at its right.
const STATUS_MS = 4000;

class ChartsPart {
  constructor(root, data) {
    this.root = root;
    this.data = data;
    this.runs = [];
    this.board = new Board((names) => this.changed(new Set(names)));
    this.board.glow = () => {};
    const tools = element("div"), pane = element("div", "charts-part");
    root.replaceChildren(tools, pane);
    this.tools = new ChartTools(tools, this.board);
    this.panels = new Panels(pane, this.board, data.palette, (prefix) => (prefix === FOLDED) === data.system, data.system ? FOLDED + "/" : "");
    this.load();
  }

  async load() {
    const fields = ["name", "status", "definitions"];
    try {
      const page = await send("/api/runs/rows", { query: { run_ids: this.data.runs, limit: this.data.runs.length }, fields });
      this.runs = page.rows.map((row, at) => ({ run_id: page.runs[at], ...Object.fromEntries(fields.map((name, column) => [name, row[column]])) }));
      const known = JSON.stringify(this.runs);
      if (known !== this.known) { this.known = known; this.panels.show(this.runs); }
    } catch (error) { this.panels.tell(error); }
    if (!this.stopped && (!this.runs.length || this.runs.some((run) => run.status === "running"))) this.timer = window.setTimeout(() => this.load(), STATUS_MS);
  }

  changed(names) {
    this.tools.follow();
    if (names.has("m")) this.panels.list();
    else this.panels.arrange();
    this.panels.ask();
  }

  stop() {
    this.stopped = true;
    window.clearTimeout(this.timer);
    this.panels.stop();
  }
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root"), key = JSON.stringify(data);
  if (!root.weft || root.weft.key !== key) {
    if (root.weft) root.weft.part.stop();
    root.weft = { key, part: new ChartsPart(root, data) };
  }
  const back = () => root.isConnected && root.weft.part.changed(new Set(["m"]));
  window.addEventListener("popstate", back);
  return () => {
    window.removeEventListener("popstate", back);
    window.setTimeout(() => { if (!root.isConnected && root.weft) { root.weft.part.stop(); root.weft = null; } }, 0);
  };
}
