// A chart of which each point is a trial: pointing, choosing one by a click or many in a frame, walking along by keys.
const NEAR = 16;
const MANY_POINTS = 1500;

class PointChart extends Chart {
  // `board`: {trials, model}; points are px, py and rows of the trials, laid out by `arrange`.
  constructor(host, name, board, className) {
    super(host, name, className);
    this.board = board;
    this.rowsDrawn = [];
    this.box.onpointermove = (event) => this.moved(event);
    this.box.onpointerleave = () => this.hover(null);
    this.box.onpointerdown = (event) => this.press(event);
  }

  get field() { return this.inset(54, 20, 14, 42); }

  inset(left, top, right, bottom) { return { left, top, wide: this.width - left - right, tall: this.height - top - bottom }; }

  lay(rows, across, up) {
    const { left, top, wide, tall } = this.field;
    this.rowsDrawn = rows;
    this.px = Float32Array.from(rows, (row) => left + across[row] * wide);
    this.py = Float32Array.from(rows, (row) => top + (1 - up[row]) * tall);
  }

  // Points by colour, those of trials that were stopped hollow; `some`: places in rowsDrawn, or all.
  dots(pen, some, colourOfRow, { hollow = () => false, size: given, alpha: seen } = {}) {
    const n = this.rowsDrawn.length, size = given ?? (n > MANY_POINTS ? 1.6 : n > 300 ? 2.4 : 3.6);
    pen.globalAlpha = seen ?? (n > MANY_POINTS ? 0.55 : 0.85);
    pen.lineWidth = 1.2;
    const square = n > MANY_POINTS && !given;
    for (const at of some) {
      const row = this.rowsDrawn[at], colour = colourOfRow(row), x = this.px[at], y = this.py[at];
      if (square && !hollow(row)) { pen.fillStyle = colour; pen.fillRect(x - size, y - size, 2 * size, 2 * size); continue; }
      pen.beginPath();
      pen.arc(x, y, size, 0, 7);
      if (hollow(row)) { pen.strokeStyle = colour; pen.stroke(); } else { pen.fillStyle = colour; pen.fill(); }
    }
    pen.globalAlpha = 1;
  }

  all() { return this.rowsDrawn.keys(); }

  // A star beside a trial that is to be seen at once.
  star(pen, row, text = "") {
    const at = this.rowsDrawn.indexOf(row);
    if (at < 0) return;
    const x = this.px[at], y = this.py[at];
    pen.beginPath();
    for (let turn = 0; turn < 11; turn++) {
      const angle = (turn * Math.PI) / 5 - Math.PI / 2, far = turn % 2 ? 3.4 : 8;
      pen.lineTo(x + far * Math.cos(angle), y + far * Math.sin(angle));
    }
    Object.assign(pen, { fillStyle: this.ink.ink, strokeStyle: this.ink.paper, lineWidth: 1.5 });
    pen.stroke();
    pen.fill();
    if (!text) return;
    const right = x < this.width - 90;
    Object.assign(pen, { textAlign: right ? "left" : "right", textBaseline: "middle", lineWidth: 3, lineJoin: "round" });
    const place = [text, x + (right ? 11 : -11), y - 1];
    pen.strokeText(...place);
    pen.fillText(...place);
  }

  look() { return this.ink.soft; }
  hollow() { return false; }

  light() {
    if (!this.ink || !this.px) return;
    const pen = this.penOf(this.over), { model, trials } = this.board, { left, top, wide, tall } = this.field;
    if (model.chosen.size) {
      pen.globalAlpha = 0.72;
      pen.fillStyle = this.ink.paper;
      pen.fillRect(left + 1, top - 8, wide + 10, tall + 7);
      pen.globalAlpha = 1;
      const chosen = [...this.all()].filter((at) => model.chosen.has(trials.number(this.rowsDrawn[at])));
      this.dots(pen, chosen, (row) => this.look(row), { hollow: (row) => this.hollow(row), alpha: 1 });
    }
    if (this.framed) {
      const [x0, y0, x1, y1] = this.framed;
      pen.fillStyle = this.ink.wash;
      pen.fillRect(Math.min(x0, x1), Math.min(y0, y1), Math.abs(x1 - x0), Math.abs(y1 - y0));
    }
    const at = model.pointed === null || model.pointed === undefined ? -1 : this.rowsDrawn.indexOf(trials.row(model.pointed));
    if (at < 0) return;
    Object.assign(pen, { strokeStyle: this.ink.paper, lineWidth: 5 });
    pen.beginPath(); pen.arc(this.px[at], this.py[at], 7, 0, 7); pen.stroke();
    Object.assign(pen, { strokeStyle: this.ink.ink, lineWidth: 2 });
    pen.beginPath(); pen.arc(this.px[at], this.py[at], 7, 0, 7); pen.stroke();
  }

  // What stands out changed: drawn with the next frame where it is looked at.
  relight() {
    if (this.visible === false) { this.stale = true; return; }
    if (!this.lit) this.lit = window.requestAnimationFrame(() => { this.lit = 0; if (!this.stale) this.light(); });
  }

  nearest(x, y) {
    let best = -1, least = NEAR;
    for (let at = 0; at < this.rowsDrawn.length; at++) {
      const away = Math.hypot(this.px[at] - x, this.py[at] - y);
      if (away < least) { least = away; best = at; }
    }
    return best;
  }

  hover(at) {
    const row = at === null || at < 0 ? null : this.rowsDrawn[at];
    if (row === null && !this.readout) return;
    this.board.model.point(row === null ? null : this.board.trials.number(row));
    this.tell(row === null ? null : this.linesOf(row), row === null ? 0 : this.px[at], row === null ? 0 : this.py[at]);
  }

  linesOf(row) { return this.board.trials.lines(row); }

  moved(event) {
    if (this.pressed || !this.px) return;
    this.hover(this.nearest(...this.place(event)));
  }

  press(event) {
    if (event.button || !this.px) return;
    const [x, y] = this.place(event), { model } = this.board, add = event.shiftKey || event.ctrlKey || event.metaKey;
    this.pressed = true;
    const move = (moved) => {
      const [to, down] = this.place(moved);
      if (!this.framed && Math.hypot(to - x, down - y) < 5) return;
      this.framed = [x, y, to, down];
      this.tell(null);
      this.relight();
    };
    const up = () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
      const frame = this.framed;
      this.pressed = this.framed = null;
      const numbers = frame ? this.inside(frame) : this.near(x, y);
      model.choose(add ? this.toggled(numbers) : numbers);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
  }

  near(x, y) {
    const at = this.nearest(x, y);
    return at < 0 ? [] : [this.board.trials.number(this.rowsDrawn[at])];
  }

  toggled(numbers) {
    const { chosen } = this.board.model, known = numbers.every((one) => chosen.has(one));
    return known ? [...chosen].filter((one) => !numbers.includes(one)) : [...new Set([...chosen, ...numbers])];
  }

  inside([x0, y0, x1, y1]) {
    const between = (value, a, b) => value >= Math.min(a, b) && value <= Math.max(a, b);
    return [...this.all()].filter((at) => between(this.px[at], x0, x1) && between(this.py[at], y0, y1)).map((at) => this.board.trials.number(this.rowsDrawn[at]));
  }

  // Arrows walk along the points from left to right (or up), enter chooses, b goes to the best.
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.composedPath()[0] !== this.box || !this.px) return false;
    const { model, trials } = this.board, way = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    const places = way && /Up|Down/.test(event.key) ? this.py.map((y) => -y) : this.px;
    if (way && this.rowsDrawn.length) {
      const order = [...this.all()].sort((a, b) => places[a] - places[b] || a - b), pointed = this.rowsDrawn.indexOf(trials.row(model.pointed ?? -1));
      const from = pointed < 0 ? (way > 0 ? -1 : order.length) : order.indexOf(pointed);
      this.walk(order[Math.min(order.length - 1, Math.max(0, from + way))]);
    } else if (event.key === "b" && this.best !== null && this.rowsDrawn.includes(this.best)) this.walk(this.rowsDrawn.indexOf(this.best));
    else if (event.key === "Enter" && model.pointed !== null && model.pointed !== undefined) model.choose(event.shiftKey ? this.toggled([model.pointed]) : [model.pointed]);
    else if (event.key === "Escape" && model.chosen.size) model.choose([]);
    else return false;
    return true;
  }

  walk(at) {
    this.hover(at);
    this.live.textContent = this.linesOf(this.rowsDrawn[at]).map((line) => [line].flat().join(" ")).join(", ");
  }
}
