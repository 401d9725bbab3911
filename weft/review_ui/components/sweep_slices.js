// The objective over each parameter: a point a trial, early ones pale, late ones strong, those stopped early hollow.
const SLICES_AT_FIRST = 12;

class SweepSlices {
  constructor(host, board) {
    this.board = board;
    this.node = element("section", "slices-part");
    this.title = element("h3", "", "Slices");
    this.said = element("p", "chart-said soft");
    this.grid = element("div", "slices");
    this.more = button("", "", () => { this.every = true; this.update(); }, "quiet");
    const head = element("header", "chart-head");
    head.append(this.title);
    this.node.append(head, this.said, this.grid, this.more);
    host.append(this.node);
    this.charts = new Map();
  }

  update() {
    const { trials, at } = this.board, objective = trials.objectives[at], known = objective?.known ? trials.parameters : [];
    const wanted = this.every ? known : known.slice(0, SLICES_AT_FIRST), names = new Set(wanted.map((axis) => axis.name));
    for (const [name, chart] of this.charts) if (!names.has(name)) { chart.destroy(); this.charts.delete(name); }
    for (const axis of wanted) {
      if (!this.charts.has(axis.name)) this.charts.set(axis.name, new Slice(this.grid, axis.name, this.board));
      this.charts.get(axis.name).update();
    }
    this.more.hidden = wanted.length === known.length;
    this.more.textContent = `Show all ${known.length}`;
    this.said.textContent = !wanted.length ? "No trial has a result yet." : `${objective.name} over each parameter. Pale points are early trials, strong ones late ones; hollow ones were stopped early; the star is the best.`;
  }

  chosen() { for (const chart of this.charts.values()) chart.relight(); }
  pointed() { for (const chart of this.charts.values()) chart.relight(); }
  redraw() { for (const chart of this.charts.values()) chart.redraw(); }
  destroy() { for (const chart of this.charts.values()) chart.destroy(); this.node.remove(); }
}

class Slice extends PointChart {
  constructor(host, name, board) {
    super(host, name, board, "slice");
  }

  get field() { return this.inset(50, 8, 12, 24); }

  update() {
    const { trials, at } = this.board, axis = trials.axis(this.name), objective = trials.objectives[at];
    Object.assign(this, { axis, objective, best: objective.best });
    this.title.textContent = axis.title;
    const rows = trials.known(at), best = objective.best, absent = rows.filter((row) => axis.shares[row] === Math.fround(ABSENT)).length;
    const where = best === null ? "" : `; the best trial has ${axis.name} ${trials.valueText(axis, best)}`;
    this.box.setAttribute("aria-label", `${objective.name} over ${axis.name}, ${rows.length} trials${where}${absent ? `; absent in ${absent}` : ""}. Arrows walk along the trials, enter chooses one.`);
    this.said.textContent = `${objective.name} over ${axis.name}${where}`;
    this.redraw();
  }

  arrange() {
    const { trials, at } = this.board, { axis, objective } = this, rows = trials.known(at).filter((row) => !Number.isNaN(axis.shares[row]));
    this.shades = shadesOf(this.ink, AGES);
    // What is absent stands left of the axis; points of one word lie side by side, so that many are seen.
    this.absent = rows.some((row) => axis.shares[row] === Math.fround(ABSENT));
    const part = this.absent ? 0.8 : 1;
    const across = {};
    for (const row of rows) across[row] = axis.shares[row] < 0 ? 0.1 + 0.12 * (((row * 0.6180339887) % 1) - 0.5) : 1 - part + part * (axis.shares[row] + besides(axis.scale, row));
    this.up = objective.scale.roomier();
    this.lay(rows, across, sharesOf(objective.values, this.up));
    this.across = part === 1 ? axis.scale : shifted(axis.scale, 1 - part);
  }

  look(row) { return this.shades[shadeAt(this.board.trials.count < 2 ? 1 : row / (this.board.trials.count - 1))]; }
  hollow(row) { return this.board.trials.pruned(row); }

  paint(pen) {
    drawAxes(pen, this.ink, this.field, this.across, this.up);
    this.dots(pen, this.all(), (row) => this.look(row), { hollow: (row) => this.hollow(row) });
    this.star(pen, this.best);
  }

  rows() {
    const { trials } = this.board;
    return [["trial", "status", this.axis.name, this.objective.name], ...this.rowsDrawn.map((row) => [trials.number(row), this.board.model.trials.status[row], trials.valueText(this.axis, row) === "absent" ? "" : plainNumber(this.axis.values[row]), this.objective.values[row]])];
  }
}

// A scale whose first part is kept for what has no value.
function shifted(scale, by) {
  return { words: scale.words, ticks: (most) => [[by * 0.5, "absent"], ...scale.ticks(Math.max(2, most - 1)).map(([share, text]) => [by + (1 - by) * share, text])] };
}
