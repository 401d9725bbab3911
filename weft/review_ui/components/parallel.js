// Parallel coordinates of many rows: runs or trials. Lines are drawn a part a frame, in an order that makes each part a fair
// sample, so that brushing never waits for ten thousand of them.
const AXIS_ROOM = 64;  // the least px from axis to axis; more axes than fit are scrolled
const LINES_MS = 25;
const FIRST_PART = 400;  // lines of a frame, until it is known how many this machine draws in LINES_MS
const INSIDE = { left: 64, right: 46, top: 34, bottom: 34 };

// Does things to 0 … count - 1 a part a frame; the size of a part follows from how long frames take.
class Gradual {
  constructor() { this.part = FIRST_PART; }

  begin(count, act, done = () => {}) {
    this.stop();
    let at = 0;
    const step = (now) => {
      if (now && this.last) {
        const took = now - this.last;
        this.part = Math.min(2000, Math.max(60, Math.round(this.part * (took > LINES_MS ? 0.7 : 1.2))));
      }
      this.last = now || 0;
      const to = Math.min(count, at + this.part);
      act(at, to);
      at = to;
      this.frame = at < count ? window.requestAnimationFrame(step) : 0;
      if (at >= count) { this.last = 0; done(); }
    };
    step(0);
  }

  stop() { window.cancelAnimationFrame(this.frame); this.frame = 0; this.last = 0; }
}

// The numbers 0 … n - 1 so that every beginning of them is spread over all.
function spreadOrder(n) {
  const order = new Uint32Array(n), step = Math.max(1, Math.round(n * 0.6180339887));
  let stride = step;
  const gcd = (a, b) => (b ? gcd(b, a % b) : a);
  while (n && gcd(stride, n) !== 1) stride++;
  for (let at = 0, place = 0; at < n; at++) { order[at] = place; place = (place + stride) % n; }
  return order;
}

const sideBySide = ({ scale, shares }) => shares.map((share, row) => (share < 0 ? share + 0.05 * (((row * 0.6180339887) % 1) - 0.5) : share + besides(scale, row)));

class Parallel extends Chart {
  // `on`: {pointed(row), picked(row, add), brushed(brushes, rows), arranged(names), lines(row) for the readout}
  constructor(host, name, on) {
    super(host, name, "parallel");
    this.on = on;
    this.scroll = element("div", "parallel-scroll");
    this.box.replaceWith(this.scroll);
    this.scroll.append(this.box);
    this.chosenLayer = this.layer();
    this.box.append(this.over);
    this.heads = element("div", "axis-heads");
    this.box.append(this.heads);
    this.painters = [new Gradual(), new Gradual()];
    this.brushes = new Map();
    this.axes = [];
    this.rowsShown = 0;
    this.box.onpointermove = (event) => this.moved(event);
    this.box.onpointerleave = () => { if (!this.dragged) this.hover(null); };
    this.box.onpointerdown = (event) => this.press(event);
    this.box.onclick = (event) => this.click(event);
  }

  // `axes`: [{name, title, scale, shares, goal}], a share a row, ABSENT below the axis, NaN for no place at all;
  // `shades`: an index into `colours` a row, with `ranked` the good ones last; `chosen`: rows that stand out, or null.
  set({ axes, count, shades, colours, ranked = false, brushes = this.brushes, chosen = null }) {
    const third = (row) => (ranked ? Math.floor((3 * shades[row]) / colours.length) : 0);
    this.order = spreadOrder(count).sort((a, b) => third(a) - third(b));  // the good ones above the others
    Object.assign(this, { axes: axes.map((axis) => ({ ...axis, drawn: sideBySide(axis) })), rowsShown: count, shades, colours, brushes, chosen });
    this.box.style.minWidth = INSIDE.left + INSIDE.right + AXIS_ROOM * Math.max(1, axes.length - 1) + "px";
    this.named();
    this.redraw();
  }

  x(at) { return this.axes.length < 2 ? this.width / 2 : INSIDE.left + (at * (this.width - INSIDE.left - INSIDE.right)) / (this.axes.length - 1); }
  y(share) { return INSIDE.top + (1 - share) * (this.height - INSIDE.top - INSIDE.bottom); }
  shareAt(y) { return Math.min(1, Math.max(ABSENT * 1.4, 1 - (y - INSIDE.top) / (this.height - INSIDE.top - INSIDE.bottom))); }

  // What lies between two heights; below the axis there is nothing but what is absent.
  range(one, other) {
    const [low, high] = [this.shareAt(one), this.shareAt(other)].sort((a, b) => a - b), below = (share) => share < -0.02;
    return [below(low) ? ABSENT * 1.4 : Math.max(0, low), below(high) ? ABSENT / 2 : Math.max(0, high)];
  }

  // The names stay where they are while only what is drawn changes, so that the focus does, too.
  named() {
    const known = new Map([...this.heads.children].map((node) => [node.axis, node]));
    const nodes = this.axes.map((axis, at) => {
      const node = known.get(axis.name) ?? this.headOf(axis.name);
      node.textContent = this.shortTitle(axis);
      node.title = axis.name;
      const brush = this.brushes.get(axis.name);
      const said = brush ? `chosen ${this.rangeText(axis, brush)}` : "all";
      node.setAttribute("aria-label", `Axis ${axis.title}, ${at + 1} of ${this.axes.length}, ${said}. Left and right move it, up and down choose, delete takes it away.`);
      node.classList.toggle("brushed", Boolean(brush));
      return node;
    });
    if (nodes.some((node, at) => this.heads.children[at] !== node) || nodes.length !== this.heads.children.length) {
      const held = this.heads.getRootNode().activeElement;
      this.heads.replaceChildren(...nodes);
      if (nodes.includes(held)) held.focus();
    }
  }

  // A long dotted name by its last part, where no other axis ends so: the room is for a dozen letters.
  shortTitle({ title }) {
    const tail = title.slice(title.lastIndexOf(".") + 1), alike = this.axes.filter((one) => one.title === tail || one.title.endsWith("." + tail));
    return title.length > 12 && tail && alike.length < 2 ? tail : title;
  }

  headOf(name) {
    const node = button("", "", () => openMenu(node, this.axisEntries(name)), "quiet axis-name");
    node.axis = name;
    node.setAttribute("aria-haspopup", "menu");
    node.onkeydown = (event) => { if (this.axisKey(event, name)) { event.preventDefault(); event.stopPropagation(); } };
    movable(node, node, name, (from, to) => this.move(from, this.names.indexOf(to)));
    return node;
  }

  get names() { return this.axes.map((axis) => axis.name); }

  axisEntries(name) {
    const at = this.names.indexOf(name), entries = [];
    if (at > 0) entries.push(["Move to the left", "←", () => this.move(name, at - 1)]);
    if (at < this.axes.length - 1) entries.push(["Move to the right", "→", () => this.move(name, at + 1)]);
    if (this.brushes.has(name)) entries.push(["Choose all of it", "esc", () => this.brush(name, null)]);
    if (this.axes.length > 2) entries.push(["Take this axis away", "del", () => this.on.arranged(this.names.filter((one) => one !== name))]);
    return entries;
  }

  axisKey(event, name) {
    const at = this.names.indexOf(name), way = { ArrowLeft: -1, ArrowRight: 1 }[event.key], up = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (way) this.move(name, at + way);
    else if (up) this.slide(name, up, event.shiftKey);
    else if (event.key === "Escape" && this.brushes.has(name)) this.brush(name, null);
    else if (event.key === "Escape" && (this.brushes.size || this.chosen)) this.forget();
    else if ((event.key === "Delete" || event.key === "Backspace") && this.axes.length > 2) this.on.arranged(this.names.filter((one) => one !== name));
    else return false;
    return true;
  }

  move(name, to) {
    if (to < 0 || to >= this.axes.length || to === this.names.indexOf(name)) return;
    const names = this.names.filter((one) => one !== name);
    names.splice(to, 0, name);
    this.on.arranged(names);
  }

  // By keys: the first press chooses the upper or lower fifth, further ones move it, with shift make it larger or smaller.
  slide(name, way, resize) {
    const brush = this.brushes.get(name), part = 0.05;
    if (!brush) { this.brush(name, way > 0 ? [0.8, 1] : [Math.min(0, ABSENT * 1.4), 0.2]); return; }
    let [low, high] = brush;
    if (resize) high = Math.min(1, Math.max(low + part, high + way * part));
    else {
      const by = way > 0 ? Math.min(part, 1 - high) : Math.max(-part, ABSENT * 1.4 - low);
      low += by;
      high += by;
    }
    this.brush(name, [low, high]);
  }

  brush(name, range) {
    if (range) this.brushes.set(name, range); else this.brushes.delete(name);
    this.named();
    this.brushed(true);
    const axis = this.axes.find((one) => one.name === name);
    this.live.textContent = `${axis.title}: ${range ? this.rangeText(axis, range) : "all"}, ${count(this.brushes.size ? this.matched().length : this.rowsShown)} of ${count(this.rowsShown)}`;
  }

  forget() {
    this.brushes.clear();
    this.named();
    this.brushed(true);
  }

  brushed(final) {
    const rows = this.brushes.size ? this.matched() : [];
    if (this.brushes.size) { this.chosen = new Uint8Array(this.rowsShown); for (const row of rows) this.chosen[row] = 1; } else this.chosen = null;
    this.drawChosen();
    this.light();
    if (final) this.on.brushed(this.brushes, rows);
  }

  matched() {
    const tests = this.axes.filter((axis) => this.brushes.has(axis.name)).map((axis) => [axis.shares, ...this.brushes.get(axis.name)]), rows = [];
    for (let row = 0; row < this.rowsShown; row++) {
      let inside = true;
      for (const [shares, low, high] of tests) if (!(shares[row] >= low - 1e-6 && shares[row] <= high + 1e-6)) { inside = false; break; }
      if (inside) rows.push(row);
    }
    return rows;
  }

  rangeText(axis, [low, high]) {
    const absent = low < 0 && axis.shares.includes(Math.fround(ABSENT));
    if (high <= 0) return "absent";
    if (axis.scale.words) {
      const words = axis.scale.words.filter((word) => axis.scale.at(word) >= low && axis.scale.at(word) <= high);
      return [...words, ...(absent ? ["absent"] : [])].join(", ") || "none";
    }
    return `${axis.scale.text(Math.max(0, low))} to ${axis.scale.text(high)}${absent ? " or absent" : ""}`;
  }

  arrange() {
    this.placed = this.axes.map((_, at) => this.x(at));
    const between = (this.width - INSIDE.left - INSIDE.right) / Math.max(1, this.axes.length - 1) - 6;
    [...this.heads.children].forEach((node, at) => {
      const place = this.placed[at];
      node.style.left = place + "px";
      node.style.maxWidth = Math.max(48, Math.min(between, 2 * place, 2 * (this.width - place))) + "px";
    });
    this.foot = this.y(0);
    this.reach = this.height - INSIDE.top - INSIDE.bottom;
  }

  // Lines of the rows order[from] … order[to - 1], by colour, so that a colour is one path.
  lines(pen, order, from, to, [alpha, width]) {
    const buckets = new Map(), { shades } = this;
    for (let at = from; at < to; at++) {
      const row = order[at], shade = shades[row];
      let rows = buckets.get(shade);
      if (!rows) buckets.set(shade, (rows = []));
      rows.push(row);
    }
    pen.globalAlpha = alpha;
    pen.lineWidth = width;
    for (const [shade, rows] of buckets) {
      pen.strokeStyle = this.colours[shade];
      pen.beginPath();
      for (const row of rows) this.trace(pen, row);
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }

  trace(pen, row) {
    const { axes, placed, foot, reach } = this;
    let down = false;
    for (let at = 0; at < axes.length; at++) {
      const share = axes[at].drawn[row];
      if (Number.isNaN(share)) { down = false; continue; }
      const y = foot - share * reach;
      if (down) pen.lineTo(placed[at], y); else pen.moveTo(placed[at], y);
      down = true;
    }
  }

  thickness(n) { return n > 3000 ? [0.14, 1] : n > 600 ? [0.35, 1] : n > 100 ? [0.6, 1.2] : [0.85, 1.5]; }

  paint(pen, whole) {
    const [alpha, width] = this.thickness(this.rowsShown), { chosen, order } = this;
    if (whole) {
      const rows = this.chosenRows();
      this.lines(pen, order, 0, order.length, [chosen ? alpha / 4 : alpha, width]);
      this.lines(pen, rows, 0, rows.length, this.thickness(rows.length));
      this.frames(pen);
      return;
    }
    this.painters[0].begin(order.length, (from, to) => this.lines(pen, order, from, to, [alpha, width]), () => { this.box.dataset.drawn = String(order.length); });
    this.drawChosen();
  }

  chosenRows() { return this.chosen ? this.order.filter((row) => this.chosen[row]) : new Uint32Array(0); }

  drawChosen() {
    this.box.classList.toggle("choosing", Boolean(this.chosen));
    if (!this.ink) return;
    const pen = this.penOf(this.chosenLayer), rows = this.chosenRows(), look = this.thickness(rows.length);
    this.painters[1].begin(rows.length, (from, to) => this.lines(pen, rows, from, to, look));
  }

  // The axes with their ticks, what is brushed, where values are absent, the good end of an objective.
  frames(pen) {
    const { ink } = this, room = this.axes.length > 1 ? this.placed[1] - this.placed[0] : this.width;
    this.axes.forEach((axis, at) => {
      const x = Math.round(this.placed[at]) + 0.5, top = this.y(1), foot = this.y(0);
      Object.assign(pen, { strokeStyle: ink.soft, lineWidth: 1 });
      pen.beginPath(); pen.moveTo(x, top); pen.lineTo(x, foot); pen.stroke();
      const brush = this.brushes.get(axis.name);
      if (brush) {
        const from = this.y(Math.min(1, brush[1])), to = this.y(brush[0]);
        pen.fillStyle = ink.wash; pen.fillRect(x - 8, from, 16, Math.max(2, to - from));
        pen.strokeStyle = ink.ink;
        pen.beginPath(); pen.rect(x - 8, from, 16, Math.max(2, to - from)); pen.stroke();
      }
      Object.assign(pen, { textAlign: "right", textBaseline: "middle", font: "11px " + ink.font });
      const letters = Math.max(4, Math.floor(at ? (room - 14) / 6 : (INSIDE.left - 8) / 6.5));
      const ticks = axis.scale.ticks(axis.scale.words ? 12 : 5), texts = shortApart(ticks.map(([, text]) => text), Math.min(16, letters));
      ticks.forEach(([share], n) => this.label(pen, texts[n], x - 6, this.y(share)));
      if (axis.shares.includes(Math.fround(ABSENT))) {
        const y = this.y(ABSENT);
        pen.strokeStyle = ink.soft;
        pen.beginPath(); pen.moveTo(x - 4, y); pen.lineTo(x + 4, y); pen.stroke();
        this.label(pen, short("absent", letters), x - 6, y);
      }
      if (axis.goal) {
        pen.textAlign = "center";
        const down = axis.goal === "minimize";
        this.label(pen, down ? "▼ better" : "▲ better", Math.min(x, this.width - 24), down ? foot + 11 : top - 9, ink.ink);
      }
    });
  }

  label(pen, text, x, y, colour = this.ink.soft) {
    Object.assign(pen, { lineWidth: 3, lineJoin: "round", strokeStyle: this.ink.paper, fillStyle: colour });
    pen.strokeText(text, x, y);
    pen.fillText(text, x, y);
  }

  light() {
    if (!this.ink) return;
    const pen = this.penOf(this.over), row = this.pointed;
    this.frames(pen);
    if (row === null || row === undefined || row >= this.rowsShown) return;
    this.lines(pen, [row], 0, 1, [0.9, 5]);
    Object.assign(pen, { strokeStyle: this.ink.ink, lineWidth: 1.5 });
    pen.beginPath();
    this.trace(pen, row);
    pen.stroke();
  }

  // Let a row stand out, as another chart or the table says.
  point(row) {
    if (row === this.pointed) return;
    this.pointed = row;
    if (!this.lit) this.lit = window.requestAnimationFrame(() => { this.lit = 0; this.light(); });
  }

  hover(row, x, y) {
    if (row === null && this.pointed === null) return;
    this.point(row);
    this.on.pointed(row);
    this.tell(row === null ? null : this.on.lines(row), x, y);
  }

  nearest(x, y) {
    if (this.axes.length < 2) return null;
    const step = this.placed[1] - this.placed[0], at = Math.min(this.axes.length - 2, Math.max(0, Math.floor((x - INSIDE.left) / step)));
    const part = (x - this.placed[at]) / step, one = this.axes[at].drawn, other = this.axes[at + 1].drawn;
    let best = null, least = 12;
    for (let row = 0; row < this.rowsShown; row++) {
      if (this.chosen && !this.chosen[row]) continue;
      const away = Math.abs(this.foot - (one[row] + (other[row] - one[row]) * part) * this.reach - y);
      if (away < least) { best = row; least = away; }
    }
    return best;
  }

  moved(event) {
    if (this.dragged || !this.placed || event.target.closest(".axis-name")) return;
    const [x, y] = this.place(event);
    this.box.style.cursor = this.placed.some((place) => Math.abs(place - x) < 12) ? "ns-resize" : "crosshair";
    this.hover(this.nearest(x, y), x, y);
  }

  press(event) {
    const [x, from] = this.place(event), at = this.placed ? this.placed.findIndex((place) => Math.abs(place - x) < 12) : -1;
    if (at < 0 || event.button || event.target.closest(".axis-name") || event.composedPath()[0].closest(".axis-name")) return;
    event.preventDefault();
    this.hover(null);
    const { name } = this.axes[at];
    let far = false, wanted = from;
    this.dragged = true;
    const draw = () => { this.asking = 0; this.brushes.set(name, this.range(from, wanted)); this.brushed(false); };
    const move = (event_) => {
      wanted = this.place(event_)[1];
      far = far || Math.abs(wanted - from) > 4;
      if (far && !this.asking) this.asking = window.requestAnimationFrame(draw);
    };
    const up = () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
      window.cancelAnimationFrame(this.asking);
      this.asking = 0;
      window.setTimeout(() => { this.dragged = false; }, 0);
      this.brush(name, far ? this.range(from, wanted) : null);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
  }

  click(event) {
    if (this.dragged || !this.placed || event.composedPath()[0].closest(".axis-name")) return;
    const row = this.nearest(...this.place(event));
    if (row !== null) this.on.picked(row, event.shiftKey || event.ctrlKey || event.metaKey);
  }

  // Along the rows by keys, in the order of the last axis.
  key(event) {
    const way = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (event.composedPath()[0] !== this.box) return false;
    if (way && this.rowsShown) {
      const shares = this.axes[this.axes.length - 1].shares, rows = [...this.order].filter((row) => shares[row] === shares[row] && (!this.chosen || this.chosen[row])).sort((a, b) => shares[a] - shares[b] || a - b);
      if (!rows.length) return true;
      const at = rows.indexOf(this.pointed), row = rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + way))];
      this.hover(row, this.placed[this.placed.length - 1] - 40, this.y(shares[row]));
      this.live.textContent = this.on.lines(row).map((line) => [line].flat().join(" ")).join(", ");
    } else if (event.key === "Enter" && typeof this.pointed === "number") this.on.picked(this.pointed, event.shiftKey);
    else if (event.key === "Escape" && (this.brushes.size || this.chosen)) this.forget();
    else return false;
    return true;
  }

  destroy() {
    for (const painter of this.painters) painter.stop();
    super.destroy();
  }
}

// Words cut to a length; those that would read the same are told from where they differ.
function shortApart(texts, most) {
  const cut = texts.map((text) => short(text, most));
  if (new Set(cut).size === texts.length || new Set(texts).size < texts.length) return cut;
  let alike = 0;
  while (texts.every((text) => text[alike] === texts[0][alike])) alike++;
  return alike ? texts.map((text) => short("…" + text.slice(alike), most)) : cut;
}
