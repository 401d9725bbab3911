// The objective over two parameters: filled bands of the mean of trials nearby, the trials themselves over it.
const LEVELS = 10;
const FEWEST_FOR_SURFACE = 10;

class SweepContours extends PointChart {
  constructor(host, board) {
    super(host, "Contours", board, "contours");
    this.selects = ["cx", "cy"].map((name, at) => {
      const node = chooser([], "");
      node.setAttribute("aria-label", at ? "Parameter upwards" : "Parameter to the right");
      node.onchange = () => board.set({ [name]: node.value });
      return node;
    });
    this.controls.append(this.selects[0], element("span", "soft", "and"), this.selects[1]);
    this.box.classList.add("contour-box");
  }

  // The two parameters asked for, or the two that explain most.
  wanted() {
    const { parameters } = this.board.trials, names = parameters.map((axis) => axis.name);
    // Those that every trial has come first.
    const often = (name) => parameters.find((axis) => axis.name === name).known === this.board.trials.count;
    const first = [...(this.board.ranking ?? []).filter((name) => names.includes(name)), ...names].sort((a, b) => often(b) - often(a));
    const pick = (name, but) => { const asked_ = this.board.get(name); return names.includes(asked_) && asked_ !== but ? asked_ : null; };
    const x = pick("cx"), y = pick("cy", x);
    const left = first.filter((name) => name !== x && name !== y);
    return [x ?? left.shift(), y ?? left.shift()];
  }

  update() {
    const { trials, at } = this.board, [x, y] = this.wanted();
    this.objective = trials.objectives[at];
    this.node.hidden = trials.parameters.length < 2;
    this.axes = null;
    if (this.node.hidden) return;
    this.axes = [x, y].map((name) => trials.axis(name));
    this.selects.forEach((node, side) => {
      node.replaceChildren(...trials.parameters.filter((axis) => axis !== this.axes[1 - side]).map((axis) => new Option(axis.name, axis.name)));
      node.value = this.axes[side].name;
    });
    this.measure();
    this.redraw();
  }

  measure() {
    const { trials, at, model } = this.board, [x, y] = this.axes, there = (axis, row) => axis.shares[row] >= 0;
    this.best = this.objective?.best ?? null;
    this.known = (this.objective?.known ? trials.known(at) : []).filter((row) => there(x, row) && there(y, row) && model.trials.status[row] === "complete");
    this.surface = null;
    // Points that share a place stand side by side, at different paces in both directions.
    [this.across, this.up] = [[x, 0.7548776662], [y, 0.5698402910]].map(([axis, by]) => axis.shares.map((share, row) => share + besides(axis.scale, row, by)));
    if (this.known.length < FEWEST_FOR_SURFACE) { this.say(this.known.length ? `Only ${this.known.length} complete ${this.known.length === 1 ? "trial has" : "trials have"} both parameters: the points alone, too few for a surface.` : "No complete trial has both parameters."); return; }
    const of = (shares) => Float64Array.from(this.known, (row) => shares[row]);
    this.surface = surfaceOf(of(this.across), of(this.up), of(this.objective.shares), [x, y].map((axis) => axis.scale.words?.length ?? 0));
    const { width, quality } = this.surface, best = this.best === null ? "" : ` The best trial has ${x.name} ${trials.valueText(x, this.best)} and ${y.name} ${trials.valueText(y, this.best)}.`;
    const worth = quality >= 0.05 ? `these two alone tell ${(100 * quality).toFixed(0)} % of the differences in ${this.objective.name} (each trial left out in turn)` : `these two alone tell next to nothing of ${this.objective.name}`;
    this.say(`Mean of ${count(this.known.length)} trials${width ? `, nearby ones (${(100 * width).toFixed(1)} % of an axis) counting most` : " by their words"}; ${worth}.${best}`, "Arrows walk along the trials, enter chooses one.");
  }

  arrange() {
    this.shades = shadesOf(this.ink);
    if (!this.axes) return;
    this.good = this.board.trials.goodness(this.board.at);
    this.lay(this.known, this.across, this.up);
  }

  get field() { return this.inset(64, 20, 14, 42); }
  look(row) { return this.shades[shadeAt(this.good(this.objective.shares[row]))]; }

  paint(pen) {
    if (!this.axes) return;
    const [x, y] = this.axes;
    drawAxes(pen, this.ink, this.field, x.scale, y.scale, [x.title, y.title]);
    if (this.surface) this.inHull(pen, () => this.fill(pen));
    if (this.surface && !x.scale.words && !y.scale.words) this.inHull(pen, () => this.contours(pen));
    if (this.rowsDrawn.length > MANY_POINTS) this.dots(pen, this.all(), () => this.ink.ink, { size: 1, alpha: 0.3 });
    else {
      this.dots(pen, this.all(), () => this.ink.paper, { size: 4.4, alpha: 1 });
      this.dots(pen, this.all(), (row) => this.look(row), { size: 3.2, alpha: 1 });
    }
    this.star(pen, this.best);
  }

  // Nothing is drawn outside of what the trials enclose.
  inHull(pen, draw) {
    const { left, top, wide, tall } = this.field, { hull } = this.surface;
    if (!hull || hull.length < 3) { draw(); return; }
    pen.save();
    pen.beginPath();
    hull.forEach(([x, y], at) => pen[at ? "lineTo" : "moveTo"](left + x * wide, top + (1 - y) * tall));
    pen.clip();
    draw();
    pen.restore();
  }

  // Runs of cells of one band are one rectangle.
  fill(pen) {
    const { wide, tall, cells } = this.surface, { left, top, wide: width, tall: height } = this.field, [w, h] = [width / wide, height / tall];
    const band = (cell) => (Number.isNaN(cell) ? -1 : Math.round(this.good(cell) * LEVELS));
    pen.globalAlpha = 0.8;
    for (let row = 0; row < tall; row++) for (let column = 0, from = 0; column < wide; column = from) {
      const one = band(cells[column + wide * row]);
      for (from = column + 1; from < wide && band(cells[from + wide * row]) === one; from++);
      if (one < 0) continue;
      pen.fillStyle = this.shades[shadeAt(one / LEVELS)];
      const [x0, x1] = [left + column * w, left + from * w].map(Math.round), [y0, y1] = [top + height - (row + 1) * h, top + height - row * h].map(Math.round);
      pen.fillRect(x0, y0, x1 - x0, y1 - y0);
    }
    pen.globalAlpha = 1;
  }

  contours(pen) {
    const { left, top, wide, tall } = this.field, good = { ...this.surface, cells: this.surface.cells.map((cell) => (Number.isNaN(cell) ? NaN : this.good(cell))) };
    Object.assign(pen, { strokeStyle: this.ink.paper, lineWidth: 0.8, globalAlpha: 0.7 });
    pen.beginPath();
    for (let level = 1; level < LEVELS; level++) for (const [x0, y0, x1, y1] of contourOf(good, (level - 0.5) / LEVELS)) {
      pen.moveTo(left + (x0 / good.wide) * wide, top + tall - (y0 / good.tall) * tall);
      pen.lineTo(left + (x1 / good.wide) * wide, top + tall - (y1 / good.tall) * tall);
    }
    pen.stroke();
    pen.globalAlpha = 1;
  }

  ranked() { if (!this.board.get("cx") || !this.board.get("cy")) this.update(); }
  rows() { return this.board.trials.table(this.known); }
  chosen() { this.relight(); }
  pointed() { this.relight(); }
}
