// The frame of one chart on canvases: its name, what it says in words, its menu, a readout beside the pointer. A drawing is
// made by `paint` with any pen that knows what a canvas's knows, so that the page and its files show the same.
const chartsSeen = new WeakMap();
const seenBy = new IntersectionObserver((entries) => { for (const { target, isIntersecting } of entries) chartsSeen.get(target)?.seen(isIntersecting); });

class Chart {
  constructor(host, name, className = "") {
    this.name = name;
    this.node = element("section", "chart " + className);
    this.head = element("header", "chart-head");
    this.controls = element("span", "chart-controls");
    this.menu = button("⋯", "What can be done with this chart", () => openMenu(this.menu, this.entries()), "quiet");
    this.menu.setAttribute("aria-haspopup", "menu");
    this.title = element("h3", "", name);
    this.head.append(this.title, this.controls, this.menu);
    this.said = element("p", "chart-said soft");
    this.box = element("div", "chart-box");
    this.box.tabIndex = 0;
    this.box.setAttribute("role", "application");
    this.box.setAttribute("aria-roledescription", "chart");
    this.layers = [];
    this.node.append(this.head, this.said, this.box);
    this.live = element("div", "chart-live");
    this.live.setAttribute("aria-live", "polite");
    this.node.append(this.live);
    host.append(this.node);
    this.base = this.layer();
    this.over = this.layer();
    this.sized = new ResizeObserver(() => { if (this.box.clientWidth !== this.width || this.box.clientHeight !== this.height) this.redraw(); });
    this.sized.observe(this.box);
    chartsSeen.set(this.node, this);
    seenBy.observe(this.node);
    this.box.addEventListener("keydown", (event) => { if (this.key(event)) { event.preventDefault(); event.stopPropagation(); } });
  }

  layer() {
    const canvas = element("canvas");
    this.box.append(canvas);
    this.layers.push(canvas);
    return canvas;
  }

  key() { return false; }

  // The main statement, on the page and for whoever does not see the drawing.
  say(text, keys = "") {
    this.said.textContent = text;
    this.box.setAttribute("aria-label", `${this.name}. ${text}${keys ? " " + keys : ""}`);
  }

  seen(now) {
    this.visible = now;
    if (now && this.stale) this.redraw();
  }

  // Draw with the next frame, once, and only where it is looked at.
  redraw() {
    this.stale = true;
    if (this.visible === false || this.asked) return;
    this.asked = window.requestAnimationFrame(() => { this.asked = 0; if (this.box.isConnected) this.draw(); });
  }

  draw() {
    this.stale = false;
    const ratio = window.devicePixelRatio || 1;
    Object.assign(this, { width: this.box.clientWidth, height: this.box.clientHeight, ratio, ink: inkOf(this.box) });
    if (!this.width || !this.height) return;
    for (const canvas of this.layers) {
      const [wide, tall] = [Math.round(this.width * ratio), Math.round(this.height * ratio)];
      if (canvas.width !== wide || canvas.height !== tall) { canvas.width = wide; canvas.height = tall; }
    }
    this.arrange();
    this.paint(this.penOf(this.base));
    this.light();
  }

  penOf(canvas) {
    const pen = canvas.getContext("2d");
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    pen.globalAlpha = 1;
    pen.setLineDash([]);
    pen.font = "11px " + this.ink.font;
    return pen;
  }

  arrange() {}
  paint() {}
  light() {}
  rows() { return []; }

  entries() {
    const file = () => fileName(this.name);
    const entries = [
      ["Save as PNG", "", () => this.saveImage(file() + ".png")],
      ["Save as SVG", "", () => this.saveDrawing(file() + ".svg")],
      ["Save figures as CSV", "", () => save(file() + ".csv", csvOf(this.rows()))],
    ];
    if (navigator.clipboard) entries.push(["Copy what it says", "", () => navigator.clipboard.writeText(`${this.name}. ${this.said.textContent}`)]);
    return entries;
  }

  // The drawing under its name and its statement.
  picture(pen) {
    pen.fillStyle = this.ink.paper;
    pen.fillRect(0, 0, this.width, this.height + 40);
    pen.fillStyle = this.ink.ink;
    Object.assign(pen, { textAlign: "left", textBaseline: "middle", font: "600 13px " + this.ink.font });
    pen.fillText(this.name, 8, 12);
    pen.fillStyle = this.ink.soft;
    pen.font = "11px " + this.ink.font;
    pen.fillText(this.said.textContent.slice(0, Math.floor(this.width / 5.4)), 8, 29);
  }

  saveImage(name) {
    const canvas = element("canvas"), pen = canvas.getContext("2d");
    canvas.width = this.width * this.ratio;
    canvas.height = (this.height + 40) * this.ratio;
    pen.scale(this.ratio, this.ratio);
    this.picture(pen);
    pen.translate(0, 40);
    this.paint(pen, true);
    canvas.toBlob((content) => save(name, content));
  }

  saveDrawing(name) {
    const pen = new SvgPen();
    pen.size(this.width, this.height + 40);
    this.picture(pen);
    pen.shift = 40;
    pen.font = "11px " + this.ink.font;
    this.paint(pen, true);
    save(name, new Blob([pen.text()], { type: "image/svg+xml" }));
  }

  place(event) {
    const box = this.box.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  // Lines of names and values beside a place of the chart; null takes them away.
  tell(lines, x = 0, y = 0) {
    if (!lines) { this.readout?.remove(); this.readout = null; return; }
    if (!this.readout) { this.readout = element("div", "chart-readout"); this.node.append(this.readout); }
    const table = element("table"), [head, ...rest] = lines;
    for (const [name, value] of rest) { const row = table.insertRow(); row.append(element("td", "", name), element("td", "", value)); }
    this.readout.replaceChildren(element("div", "chart-readout-head", head), table);
    const box = this.box.getBoundingClientRect(), own = this.readout, left = box.left + x, top = box.top + y;
    own.style.left = Math.max(4, left + 14 + own.offsetWidth > window.innerWidth ? left - own.offsetWidth - 14 : left + 14) + "px";
    own.style.top = Math.max(4, Math.min(top + 10, window.innerHeight - own.offsetHeight - 8)) + "px";
  }

  destroy() {
    this.sized.disconnect();
    seenBy.unobserve(this.node);
    window.cancelAnimationFrame(this.asked);
    this.node.remove();
  }
}

// Ticks and lines of two scales around a field {left, top, wide, tall}; their names at the ends.
function drawAxes(pen, ink, field, across, up, names = ["", ""]) {
  const { left, top, wide, tall } = field, foot = top + tall;
  Object.assign(pen, { lineWidth: 1, strokeStyle: ink.grid, fillStyle: ink.soft, textAlign: "right", textBaseline: "middle" });
  for (const [share, text] of up.ticks(Math.max(2, Math.floor(tall / 40)))) {
    const y = foot - share * tall;
    if (!up.words) { pen.beginPath(); pen.moveTo(left, y); pen.lineTo(left + wide, y); pen.stroke(); }
    pen.fillText(short(text, 9), left - 6, y);
  }
  if (up.words) for (let at = 1; at < up.words.length; at++) { const y = foot - (at / up.words.length) * tall; pen.beginPath(); pen.moveTo(left, y); pen.lineTo(left + wide, y); pen.stroke(); }
  pen.strokeStyle = ink.soft;
  pen.beginPath(); pen.moveTo(left, foot + 0.5); pen.lineTo(left + wide, foot + 0.5); pen.stroke();
  pen.textBaseline = "top";
  const most = Math.max(2, Math.floor(wide / (across.words ? 40 : 74)));
  let free = 0;  // what is left of it is written on
  for (const [share, text] of across.ticks(most)) {
    const x = left + share * wide, word = short(text, across.words ? Math.max(4, Math.floor(wide / Math.min(most, across.words.length) / 6.4)) : 12);
    const half = pen.measureText(word).width / 2, middle = Math.min(x, left + wide + 8 - half);
    pen.beginPath(); pen.moveTo(x, foot); pen.lineTo(x, foot + 3); pen.stroke();
    if (middle - half < free) continue;
    pen.textAlign = "center";
    pen.fillText(word, middle, foot + 6);
    free = middle + half + 6;
  }
  pen.fillStyle = ink.ink;
  if (names[0]) { pen.textAlign = "center"; pen.fillText(short(names[0], Math.floor(wide / 6)), left + wide / 2, foot + 22); }
  if (names[1]) { pen.textAlign = "left"; pen.textBaseline = "middle"; pen.fillText(short(names[1], Math.floor((left + wide) / 6.2)), 4, top - 10); }
}

// A text that is no wider than `room`, in the font of the pen.
function fitted(pen, text, room) {
  let most = text.length;
  while (most > 2 && pen.measureText(short(text, most)).width > room) most -= 1;
  return short(text, most);
}

const short = (text, most) => (text.length > most ? text.slice(0, Math.max(1, most - 1)) + "…" : text);
