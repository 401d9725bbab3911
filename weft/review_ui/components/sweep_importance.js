// How much each parameter explains the objective, as the server computes it from the completed trials.
const FRESH_MS = 8000;

class SweepImportance {
  constructor(host, board) {
    this.board = board;
    this.chart = new ImportanceBars(host, "Importance");
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
