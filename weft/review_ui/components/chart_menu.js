// What can be done with a chart: its menu, its place among others, its figures and its picture as files.
function openMenu(anchor, entries) {
  const node = element("div", "menu"), root = anchor.closest(".root"), before = root.querySelector(".menu");
  if (before) before.close();
  if (before && before.anchor === anchor) return;
  node.setAttribute("role", "menu");
  node.anchor = anchor;
  const outside = (event) => { if (!event.composedPath().includes(node) && !event.composedPath().includes(anchor)) node.close(); };
  node.close = () => { node.remove(); document.removeEventListener("pointerdown", outside, true); };
  for (const [text, key, act] of entries) {
    const entry = element("button", "entry", text);
    entry.type = "button";
    entry.setAttribute("role", "menuitem");
    if (key) entry.append(element("kbd", "", key));
    entry.onclick = () => { node.close(); anchor.focus(); act(); };
    node.append(entry);
  }
  node.onkeydown = (event) => {
    const all = [...node.children], at = all.indexOf(node.getRootNode().activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) all[(at + step + all.length) % all.length].focus();
    else if (event.key === "Escape") { node.close(); anchor.focus(); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  root.append(node);
  const box = anchor.getBoundingClientRect();
  node.style.left = Math.max(4, Math.min(box.left, window.innerWidth - node.offsetWidth - 12)) + "px";
  node.style.top = Math.max(4, Math.min(box.bottom + 2, window.innerHeight - node.offsetHeight - 12)) + "px";
  document.addEventListener("pointerdown", outside, true);
  node.firstChild.focus();
}

// A node that is moved by its handle before or behind another of its kind.
function movable(handle, node, name, moved) {
  handle.draggable = true;
  handle.addEventListener("dragstart", (event) => {
    event.dataTransfer.setData("text/weft-panel", name);
    event.dataTransfer.effectAllowed = "move";
  });
  node.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("text/weft-panel")) return;
    event.preventDefault();
    node.classList.add("target");
  });
  node.addEventListener("dragleave", () => node.classList.remove("target"));
  node.addEventListener("drop", (event) => {
    node.classList.remove("target");
    const from = event.dataTransfer.getData("text/weft-panel");
    if (!from || from === name) return;
    event.preventDefault();
    moved(from, name);
  });
}

function save(name, content) {
  const link = element("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const fileName = (name) => "weft-" + name.replace(/[^\w.-]+/g, "-");

const csvOf = (lines) => new Blob([lines.map((line) => line.map(quoted).join(",") + "\r\n").join("")], { type: "text/csv" });

// The buckets that are drawn, as they came: without smoothing.
function saveCurves(panel, lines, axis) {
  const rows = [["run", "name", "source", axis, "mean", "min", "max", "points"]];
  for (const line of lines) for (let at = 0; at < line.x.length; at++) {
    rows.push([line.run, line.label, line.source, line.x[at], line.mean[at], line.low[at], line.high[at], line.counts[at]]);
  }
  save(fileName(panel.name) + ".csv", csvOf(rows));
}

const LEGEND_ROW = 16;

// The chart with its name above and the names of its runs below, drawn with any pen that knows what a canvas's knows.
function picture(panel, ink, pen, size) {
  const { plot } = panel, legend = plot.lines.slice(0, 40);
  const columns = Math.max(1, Math.floor(plot.width / 180)), rows = Math.ceil(legend.length / columns);
  const head = 26, height = head + plot.height + rows * LEGEND_ROW + 8;
  size(plot.width, height);
  pen.fillStyle = ink.paper;
  pen.fillRect(0, 0, plot.width, height);
  pen.fillStyle = ink.ink;
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  pen.font = "600 13px " + ink.font;
  pen.fillText(panel.name, 8, 14);
  pen.font = "11px " + ink.font;
  legend.forEach((line, at) => {
    const x = 8 + (at % columns) * (plot.width / columns), y = head + plot.height + 8 + Math.floor(at / columns) * LEGEND_ROW;
    pen.strokeStyle = line.colour;
    pen.lineWidth = 2;
    pen.setLineDash(DASHES[line.dash % DASHES.length]);
    pen.beginPath(); pen.moveTo(x, y); pen.lineTo(x + 18, y); pen.stroke();
    pen.setLineDash([]);
    pen.fillStyle = ink.ink;
    pen.fillText(line.label.slice(0, 26), x + 24, y);
  });
  return head;
}

function saveImage(panel, ink) {
  const canvas = element("canvas"), pen = canvas.getContext("2d"), { ratio } = panel.plot;
  const head = picture(panel, ink, pen, (width, height) => {
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    pen.scale(ratio, ratio);
  });
  pen.drawImage(panel.plot.base, 0, head, panel.plot.width, panel.plot.height);
  canvas.toBlob((content) => save(fileName(panel.name) + ".png", content));
}

function saveDrawing(panel, ink) {
  const pen = new SvgPen();
  const head = picture(panel, ink, pen, (width, height) => pen.size(width, height));
  pen.shift = head;
  panel.plot.paint(pen);
  save(fileName(panel.name) + ".svg", new Blob([pen.text()], { type: "image/svg+xml" }));
}

// What a canvas's pen is asked to draw, as SVG.
class SvgPen {
  constructor() { Object.assign(this, { parts: [], path: "", shift: 0, dash: [], globalAlpha: 1, lineWidth: 1, clips: 0 }); }
  size(width, height) { this.width = width; this.height = height; }
  place(x, y) { return x.toFixed(1) + " " + (y + this.shift).toFixed(1); }
  beginPath() { this.path = ""; }
  moveTo(x, y) { this.path += "M" + this.place(x, y); }
  lineTo(x, y) { this.path += (this.path ? "L" : "M") + this.place(x, y); }
  arc(x, y, radius) { this.path += `M${this.place(x - radius, y)}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0`; }
  rect(x, y, width, height) { this.path += `M${this.place(x, y)}h${width}v${height}h${-width}z`; }
  setLineDash(dash) { this.dash = dash; }
  save() {}
  restore() { if (this.clips) this.parts.push("</g>"); this.clips = 0; }
  clip() { this.clips = 1; this.parts.push(`<clipPath id="frame"><path d="${this.path}"/></clipPath><g clip-path="url(#frame)">`); }
  measureText(text) { return { width: 6 * text.length }; }
  stroke() {
    const dash = this.dash.length ? ` stroke-dasharray="${this.dash.join(" ")}"` : "";
    this.parts.push(`<path d="${this.path}" fill="none" stroke="${this.strokeStyle}" stroke-width="${this.lineWidth}" stroke-opacity="${this.globalAlpha}"${dash}/>`);
  }
  fill() { this.parts.push(`<path d="${this.path}z" fill="${this.fillStyle}" fill-opacity="${this.globalAlpha}"/>`); }
  fillRect(x, y, width, height) { this.path = ""; this.rect(x, y, width, height); this.fill(); }
  fillText(text, x, y) {
    const anchor = { left: "start", center: "middle", right: "end" }[this.textAlign], base = this.textBaseline === "top" ? "hanging" : "central";
    const [, weight, size] = this.font.match(/^(\d+ )?(\d+)px/), node = element("text", "", text);
    const safe = new XMLSerializer().serializeToString(document.createTextNode(node.textContent));
    this.parts.push(`<text x="${x.toFixed(1)}" y="${(y + this.shift).toFixed(1)}" font-family="sans-serif" font-size="${size}" font-weight="${(weight || "400").trim()}" text-anchor="${anchor}" dominant-baseline="${base}" fill="${this.fillStyle}">${safe}</text>`);
  }
  strokeText(text, x, y) {
    const fill = this.fillStyle;
    this.fillStyle = `none" stroke="${this.strokeStyle}" stroke-width="${this.lineWidth}`;
    this.fillText(text, x, y);
    this.fillStyle = fill;
  }
  text() { return `<svg xmlns="http://www.w3.org/2000/svg" width="${this.width}" height="${Math.round(this.height)}">${this.parts.join("")}</svg>`; }
}
