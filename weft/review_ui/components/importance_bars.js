// How much each setting explains a result: a bar what it explains alone, a pale end what only together with others, a
// whisker how sure that is; beside it which way it goes.
const BAR_ROW = 24;

class ImportanceBars extends Chart {
  constructor(host, name) {
    super(host, name, "importance");
    this.fields = [];
    this.box.onpointermove = (event) => { const row = Math.floor((this.place(event)[1] - 8) / BAR_ROW); if (row !== this.row || !this.readout) this.show(row); };
    this.box.onpointerleave = () => this.tell(null);
  }

  // `fields`: [{name, importance, together, low, high, correlation}], shares of 1; `said`: the main statement.
  set(fields, said) {
    this.fields = fields.map((field) => Object.fromEntries(Object.entries(field).map(([name, value]) => [name, plainNumber(value)]))).slice(0, 16);
    this.box.style.height = this.fields.length ? this.fields.length * BAR_ROW + 30 + "px" : "0";
    this.say(said);
    this.redraw();
  }

  paint(pen) {
    const { ink, width } = this, names = Math.min(180, Math.max(70, width * 0.28)), left = names + 8, right = width - (width > 420 ? 150 : 100);
    const wide = right - left, foot = 8 + this.fields.length * BAR_ROW, at = (share) => left + Math.min(1, Math.max(0, share)) * wide;
    const accent = shadesOf(ink)[SHADES - 5];
    Object.assign(pen, { lineWidth: 1, strokeStyle: ink.grid, fillStyle: ink.soft, textBaseline: "top", textAlign: "center", font: "11px " + ink.font });
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      pen.beginPath(); pen.moveTo(at(share), 4); pen.lineTo(at(share), foot); pen.stroke();
      if (wide > 200 || share % 0.5 === 0) pen.fillText(100 * share + " %", at(share), foot + 6);
    }
    this.fields.forEach((field, row) => {
      const y = 8 + row * BAR_ROW + BAR_ROW / 2 - 2;
      if (field.together > field.importance) { pen.fillStyle = accent; pen.globalAlpha = 0.25; pen.fillRect(left, y - 6, at(field.together) - left, 12); pen.globalAlpha = 1; }
      pen.fillStyle = accent;
      pen.fillRect(left, y - 6, Math.max(1, at(field.importance) - left), 12);
      if (Number.isFinite(field.low)) this.whisker(pen, at(field.low), at(field.high), y);
      Object.assign(pen, { textBaseline: "middle", textAlign: "right", fillStyle: ink.ink, font: "12px " + ink.font });
      pen.fillText(fitted(pen, field.name, names - 2), names, y);
      pen.textAlign = "left";
      const way = field.correlation === null || field.correlation === undefined ? "" : `  ${field.correlation >= 0 ? "+" : "−"}${Math.abs(field.correlation).toFixed(2)}`;
      pen.fillText(this.text(field), right + 10, y);
      Object.assign(pen, { textAlign: "right", fillStyle: ink.soft, font: "11px " + ink.font });
      pen.fillText(way, width - 4, y);
    });
  }

  whisker(pen, from, to, y) {
    for (const [colour, thick] of [[this.ink.paper, 3.5], [this.ink.ink, 1.2]]) {
      Object.assign(pen, { strokeStyle: colour, lineWidth: thick });
      pen.beginPath();
      pen.moveTo(from, y); pen.lineTo(to, y);
      for (const end of [from, to]) { pen.moveTo(end, y - 3); pen.lineTo(end, y + 3); }
      pen.stroke();
    }
  }

  text(field) {
    const percent = (share) => (100 * share).toFixed(0);
    return `${percent(field.importance)} %` + (Number.isFinite(field.low) && this.width > 420 ? ` [${percent(field.low)}, ${percent(field.high)}]` : "");
  }

  lines(field) {
    const percent = (share) => (100 * share).toFixed(1) + " %", lines = [field.name, ["explains alone", percent(field.importance)]];
    if (Number.isFinite(field.low)) lines.push(["95 % interval", `${percent(field.low)} to ${percent(field.high)}`]);
    if (Number.isFinite(field.together)) lines.push(["together with others", percent(field.together)]);
    lines.push(["rank correlation", field.correlation === null ? "words have no order" : field.correlation.toFixed(3)]);
    return lines;
  }

  // Rows are read with the pointer or with arrows.
  show(row) {
    this.row = row;
    const field = this.fields[row];
    this.tell(field ? this.lines(field) : null, this.width * 0.4, 8 + row * BAR_ROW);
    if (field) this.live.textContent = this.lines(field).map((line) => [line].flat().join(" ")).join(", ");
  }

  key(event) {
    const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape" && this.readout) { this.tell(null); return true; }
    if (!way || !this.fields.length) return false;
    this.show(Math.min(this.fields.length - 1, Math.max(0, (this.row ?? -1) + way)));
    return true;
  }

  rows() { return [["parameter", "alone", "low", "high", "with_others", "correlation"], ...this.fields.map((field) => [field.name, field.importance, field.low, field.high, field.together, field.correlation])]; }
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
