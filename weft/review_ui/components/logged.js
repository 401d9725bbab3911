// What some runs logged besides numbers, as a part of other pages.
const LOGGED_AGAIN_MS = 5000;

class LoggedPart {
  constructor(root, data) {
    this.root = root;
    this.data = data;
    root.replaceChildren();
    this.panels = new LoggedPanels(root, { project: data.project, hint: true, colours: (run) => colourOf(run, data.palette) });
    this.load();
  }

  async load() {
    try {
      const page = await send("/api/runs/rows", { query: { run_ids: this.data.runs, limit: this.data.runs.length }, fields: ["name", "status"] });
      const runs = page.runs.map((run_id, at) => ({ run_id, name: page.rows[at][0], status: page.rows[at][1] }));
      await this.panels.update(runs);
      if (!this.stopped && runs.some((run) => run.status === "running")) this.timer = window.setTimeout(() => this.load(), LOGGED_AGAIN_MS);
    } catch (error) { this.root.replaceChildren(errorNode(error)); }
  }

  stop() {
    this.stopped = true;
    window.clearTimeout(this.timer);
    this.panels.destroy();
  }
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root"), key = JSON.stringify(data);
  if (!root.weft || root.weft.key !== key) {
    if (root.weft) root.weft.part.stop();
    root.weft = { key, part: new LoggedPart(root, data) };
  }
  return () => window.setTimeout(() => { if (!root.isConnected && root.weft) { root.weft.part.stop(); root.weft = null; } }, 0);
}
