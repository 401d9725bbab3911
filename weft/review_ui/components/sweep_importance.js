// How much each parameter explains the objective, as the server computes it from the completed trials.
const FRESH_MS = 8000;

class SweepImportance {
  constructor(host, board) {
    this.board = board;
    this.chart = new ImportanceBars(host, "Importance");
    this.chart.box.onpointermove = (event) => { const row = Math.floor((this.chart.place(event)[1] - 8) / BAR_ROW); if (row !== this.chart.row || !this.chart.readout) this.chart.show(row); };
    this.chart.box.onpointerleave = () => this.chart.tell(null);
  }

  async update() {
    const { model, at, trials } = this.board, done = model.trials.status.filter((status) => status === "complete").length, key = `${at} ${done}`;
    if (key === this.key || !trials.objectives.length) { if (!trials.objectives.length) this.chart.set([], "This sweep has no objective."); return; }
    const soon = this.at === at && Date.now() - (this.asked ?? 0) < FRESH_MS;
    window.clearTimeout(this.later);
    if (soon) { this.later = window.setTimeout(() => this.update(), FRESH_MS); return; }
    Object.assign(this, { key, at, asked: Date.now() });
    try {
      const found = await ask(`/api/sweeps/${encodeURIComponent(model.sweep.sweep_id)}/importance?objective=${at}`);
      if (this.key === key && this.chart.node.isConnected) this.show(found);
    } catch (error) { this.key = null; this.chart.set([], error.message); }
  }

  show(found) {
    const fields = found.fields.map((field) => ({ ...field, importance: plainNumber(field.importance) }));
    this.chart.set(fields, importanceSaid(found, found.target));
    const ranking = fields.map((field) => field.name);
    if (String(ranking) !== String(this.board.ranking)) { this.board.ranking = ranking; this.board.each("ranked"); }
  }

  redraw() { this.chart.redraw(); }
  destroy() { window.clearTimeout(this.later); this.chart.destroy(); }
}

// The main statement of what explains a result, and how far to trust it.
function importanceSaid(found, target, what = "trial") {
  const fields = found.fields, n = plainNumber(found.runs), quality = plainNumber(found.quality), percent = (share) => (100 * plainNumber(share)).toFixed(0) + " %";
  if (!fields.length) return n < plainNumber(found.fewest) ? `Too few trials to say: ${count(n)} of at least ${count(found.fewest)} have a result.`.replaceAll("trials", what + "s") : `Nothing explains ${target}: it is the same everywhere, or no parameter differs.`;
  const [first, ...rest] = fields, way = plainNumber(first.correlation);
  const said = `${first.name} explains ${percent(first.importance)} of the differences in ${target}${way === null || Math.abs(way) < 0.2 ? "" : way > 0 ? " (more of it, more)" : " (more of it, less)"}`;
  const others = rest.slice(0, 2).filter((field) => plainNumber(field.importance) >= 0.05).map((field) => `${field.name} ${percent(field.importance)}`);
  const worth = quality < 0.1 ? "the model hardly predicts it, so trust none of this" : `the model behind it predicts ${percent(quality)} of unseen ones`;
  const clipped = plainNumber(found.clipped) ? `; ${count(found.clipped)} far out counted as less far` : "";
  return `${said}${others.length ? `, ${others.join(", ")}` : ""}. From ${count(n)} ${what}s; ${worth}${clipped}.`;
}
