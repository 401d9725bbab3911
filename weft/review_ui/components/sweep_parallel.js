// All trials over all axes: what was tried and what came of it. Brushed trials are chosen in the model.
const AXES_AT_FIRST = 9;

class SweepParallel {
  constructor(host, board) {
    this.board = board;
    this.chart = new Parallel(host, "Parameters and objectives", {
      pointed: (row) => board.model.point(row === null ? null : board.trials.number(this.rows[row])),
      picked: (row, add) => this.picked(row, add),
      brushed: (brushes, rows) => this.brushed(brushes, rows),
      arranged: (names) => board.set({ axes: JSON.stringify(names) }),
      lines: (row) => board.trials.lines(this.rows[row]),
    });
    this.chart.rows = () => board.trials.table(this.rows);
    this.more = chooser([], "");
    this.more.setAttribute("aria-label", "Add an axis");
    this.more.onchange = () => board.set({ axes: JSON.stringify([...this.chart.names, this.more.value]) });
    this.all = button("All axes as they were", "", () => board.set({ axes: "" }), "quiet");
    this.chart.controls.append(this.more, this.all);
    this.brushes = new Map();
  }

  names() {
    const { trials } = this.board, all = [...trials.parameters, ...trials.objectives].map((axis) => axis.name), wanted = this.board.list("axes").filter((name) => all.includes(name));
    if (wanted.length > 1) return wanted;
    return [...trials.parameters.slice(0, AXES_AT_FIRST).map((axis) => axis.name), ...trials.objectives.map((axis) => axis.name)];
  }

  update() {
    const { trials, at, model } = this.board, names = this.names(), every = [...trials.parameters, ...trials.objectives];
    const left = every.map((axis) => axis.name).filter((name) => !names.includes(name));
    this.more.replaceChildren(...[["", "+ axis"], ...left.map((name) => [name, name])].map(([value, text]) => new Option(text, value)));
    this.more.hidden = !left.length;
    this.all.hidden = !this.board.get("axes");
    this.rows = [...Array(trials.count).keys()].filter((row) => trials.objectives.length === 0 || trials.objectives.some((axis) => !Number.isNaN(axis.values[row])));
    const shades = trials.shades(at), { rows } = this;
    const axes = names.map((name) => trials.axis(name)).map((axis) => ({ ...axis, shares: Float32Array.from(rows, (row) => axis.shares[row]) }));
    for (const name of [...this.brushes.keys()]) if (!names.includes(name)) this.brushes.delete(name);
    this.chart.scroll.hidden = !rows.length;
    this.chart.set({ axes, count: rows.length, shades: Uint8Array.from(rows, (row) => shades[row]), colours: shadesOf(inkOf(this.chart.box)), ranked: true, brushes: this.brushes, chosen: this.mask() });
    this.tell(model);
  }

  mask() {
    const { chosen } = this.board.model;
    return chosen.size ? Uint8Array.from(this.rows, (row) => (chosen.has(this.board.trials.number(row)) ? 1 : 0)) : null;
  }

  tell() {
    const { trials, at, model } = this.board, axis = trials.objectives[at], { chart } = this;
    if (!this.rows.length) { chart.say("No trial has a result yet."); return; }
    const drawn = this.rows.length, parts = [`${count(drawn)} ${drawn === 1 ? "trial" : "trials"} with a result${drawn < trials.count ? ` of ${count(trials.count)}` : ""}`];
    if (axis?.best !== null && axis) parts.push(`the best, trial ${trials.number(axis.best)}, has ${axis.name} ${number(axis.values[axis.best], 4)}`);
    if (this.brushes.size) parts.push(`${count(model.chosen.size)} chosen by ${chart.axes.filter((one) => this.brushes.has(one.name)).map((one) => `${one.name} ${chart.rangeText(one, this.brushes.get(one.name))}`).join(" and ")}`);
    else if (model.chosen.size) parts.push(`${count(model.chosen.size)} chosen`);
    chart.say(parts.join("; ") + ".", "Arrows walk along the trials, enter chooses one; tab leads to the axes.");
  }

  picked(row, add) {
    const { model, trials } = this.board, one = trials.number(this.rows[row]);
    this.brushes.clear();
    model.choose(add ? (model.chosen.has(one) ? [...model.chosen].filter((other) => other !== one) : [...model.chosen, one]) : [one]);
  }

  brushed(brushes, rows) {
    this.choosing = true;
    this.board.model.choose(rows.map((row) => this.board.trials.number(this.rows[row])));
    this.choosing = false;
    this.tell();
  }

  // Something else chose: the brushes no longer say what is chosen.
  chosen() {
    if (this.choosing || !this.rows) return;
    if (this.brushes.size) { this.brushes.clear(); this.chart.named(); }
    this.chart.chosen = this.mask();
    this.chart.drawChosen();
    this.chart.light();
    this.tell();
  }

  pointed(number) {
    if (!this.rows) return;
    const row = number === null ? null : this.rows.indexOf(this.board.trials.row(number));
    this.chart.point(row === null || row < 0 ? null : row);
  }

  redraw() { this.chart.redraw(); }
  destroy() { this.chart.destroy(); }
}
