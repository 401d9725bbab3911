// Two objectives against each other: the trials that none beats in both, and all others behind them.
class SweepFront extends PointChart {
  constructor(host, board) {
    super(host, "Pareto front", board, "front");
    this.selects = ["px", "py"].map((name, at) => {
      const node = chooser([], "");
      node.setAttribute("aria-label", at ? "Objective upwards" : "Objective to the right");
      node.onchange = () => board.set({ [name]: node.value });
      return node;
    });
    this.controls.append(...this.selects);
    this.best = null;
  }

  update() {
    const { objectives } = this.board.trials, several = objectives.length > 1;
    this.node.hidden = !several;
    if (!several) return;
    const names = objectives.map((one) => one.name), pick = (name, other) => (names.includes(name) ? name : other);
    const x = pick(this.board.get("px"), names[0]);
    let y = pick(this.board.get("py"), names[1]);
    if (y === x) y = names.find((name) => name !== x);
    this.axes = [x, y].map((name) => objectives[names.indexOf(name)]);
    this.selects.forEach((node, at) => {
      node.replaceChildren(...names.filter((name) => !at || name !== x).map((name) => new Option(name, name)));
      node.value = this.axes[at].name;
      node.hidden = names.length < 3;
    });
    const { status } = this.board.model.trials;
    this.known = [...Array(this.board.trials.count).keys()].filter((row) => status[row] === "complete" && this.axes.every((axis) => !Number.isNaN(axis.values[row])));
    this.inFront = new Set(frontOf(this.known, ...this.axes));
    this.tellFront();
    this.redraw();
  }

  tellFront() {
    const n = this.inFront.size, { trials } = this.board, [x, y] = this.axes;
    if (!n) { this.say("No complete trial has both objectives yet."); return; }
    const ends = [x, y].map((axis) => [...this.inFront].reduce((best, row) => ((axis.goal === "maximize" ? axis.values[row] > axis.values[best] : axis.values[row] < axis.values[best]) ? row : best)));
    const said = n === 1 ? `trial ${trials.number(ends[0])} is the best in both`
      : `it reaches from ${x.name} ${number(x.values[ends[0]])} (trial ${trials.number(ends[0])}) to ${y.name} ${number(y.values[ends[1]])} (trial ${trials.number(ends[1])})`;
    this.say(`${count(n)} of ${count(this.known.length)} complete trials ${n === 1 ? "is" : "are"} on the front; ${said}.`, "Arrows walk along the trials, enter chooses one.");
  }

  arrange() {
    if (!this.axes) return;
    this.scales = this.axes.map((axis) => scaleOf(this.known.map((row) => axis.values[row])).roomier());
    this.lay(this.known, ...this.axes.map((axis, at) => sharesOf(axis.values, this.scales[at])));
  }

  look(row) { return this.inFront.has(row) ? this.shades[SHADES - 1] : this.ink.soft; }

  paint(pen) {
    if (!this.axes) return;
    this.shades = shadesOf(this.ink);
    const { field } = this, [x, y] = this.axes, good = (axis) => `${axis.name} ${axis.goal === "maximize" ? "(more is better)" : "(less is better)"}`;
    drawAxes(pen, this.ink, field, ...this.scales, [good(x), good(y)]);
    const behind = [...this.all()].filter((at) => !this.inFront.has(this.rowsDrawn[at])), front = [...this.all()].filter((at) => this.inFront.has(this.rowsDrawn[at]));
    this.dots(pen, behind, () => this.ink.soft, { alpha: behind.length > MANY_POINTS ? 0.25 : 0.45 });
    this.step(pen, front);
    this.dots(pen, front, () => this.shades[SHADES - 1], { size: 4.5, alpha: 1 });
    // The corner that both goals lie in.
    const [right, up] = [x.goal === "maximize", y.goal === "maximize"];
    Object.assign(pen, { fillStyle: this.ink.soft, textAlign: right ? "right" : "left", textBaseline: "middle" });
    pen.fillText(right ? (up ? "better ↗" : "better ↘") : up ? "↖ better" : "↙ better", right ? field.left + field.wide - 4 : field.left + 6, up ? field.top + 4 : field.top + field.tall - 10);
  }

  // From trial to trial a stair, whose corners are as bad in both as what it encloses.
  step(pen, places) {
    const order = [...places].sort((a, b) => this.px[a] - this.px[b] || this.py[a] - this.py[b]), right = this.axes[0].goal === "maximize";
    Object.assign(pen, { strokeStyle: this.shades[SHADES - 1], lineWidth: 1.5, globalAlpha: 0.8 });
    pen.beginPath();
    order.forEach((at, place) => {
      if (!place) { pen.moveTo(this.px[at], this.py[at]); return; }
      const before = order[place - 1];
      if (right) pen.lineTo(this.px[before], this.py[at]); else pen.lineTo(this.px[at], this.py[before]);
      pen.lineTo(this.px[at], this.py[at]);
    });
    pen.stroke();
    pen.globalAlpha = 1;
  }

  linesOf(row) {
    const [head, ...rest] = super.linesOf(row);
    return [head + (this.inFront.has(row) ? " · on the front" : " · beaten in both"), ...rest];
  }

  rows() {
    const [head, ...rest] = this.board.trials.table(this.known);
    return [[...head, "on_front"], ...rest.map((line, at) => [...line, this.inFront.has(this.known[at])])];
  }

  chosen() { this.relight(); }
  pointed() { this.relight(); }
}

// Of some trials those that no other is as good as in both objectives and better in one; equal ones are in together.
function frontOf(rows, x, y) {
  const sign = [x, y].map((axis) => (axis.goal === "maximize" ? -1 : 1)), a = (row) => sign[0] * x.values[row], b = (row) => sign[1] * y.values[row];
  const order = [...rows].sort((one, other) => a(one) - a(other) || b(one) - b(other)), front = [];
  let least = Infinity, at = NaN;
  for (const row of order) {
    if (b(row) < least || (b(row) === least && a(row) === at)) { front.push(row); least = b(row); at = a(row); }
  }
  return front;
}
