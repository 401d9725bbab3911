// Histograms over steps: as heat (step across, value up, darker where more of the values are) or as ridges.
const HISTOGRAM_BINS = 80;
const HISTOGRAM_STEPS = 300;
const RIDGES = 24;

function decodeHistograms(buffer) {
  const bytes = new Uint8Array(buffer), end = bytes.indexOf(10), head = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  const body = buffer.slice(end + 1), steps = [...new BigInt64Array(body, 0, head.steps)].map(Number);
  return { ...head, at: steps, counts: new Float32Array(body.slice(8 * head.steps)) };
}

class HistogramPanel {
  constructor(host, name, context) {
    this.name = name;
    this.context = context;
    this.ridge = false;
    this.node = element("article", "logged-panel");
    this.node.setAttribute("aria-label", "Histogram " + name);
    const head = element("header"), title = element("span", "title", name);
    title.title = name;
    this.said = element("output", "soft");
    this.way = button("Ridges", "Heat or ridges", () => { this.ridge = !this.ridge; this.way.textContent = this.ridge ? "Heat" : "Ridges"; this.draw(); }, "quiet");
    head.append(title, this.said, this.way);
    this.body = element("div", "side-by-side");
    this.node.append(head, this.body);
    host.append(this.node);
  }

  async load(runs) {
    const turn = (this.turn = (this.turn || 0) + 1);
    const asks = runs.map(async (run) => {
      const query = new URLSearchParams({ name: this.name, bins: HISTOGRAM_BINS, most: HISTOGRAM_STEPS });
      const answer = await fetch(`/api/runs/${encodeURIComponent(run.run_id)}/logged/histograms?` + query, { credentials: "same-origin" });
      if (answer.status === 404) return null;
      if (!answer.ok) throw new Error((await answer.json()).error?.message || "The server answered " + answer.status);
      return [run, decodeHistograms(await answer.arrayBuffer())];
    });
    try {
      const found = (await Promise.all(asks)).filter(Boolean);
      if (turn !== this.turn) return;
      this.found = found;
    } catch (error) { this.body.replaceChildren(errorNode(error)); return; }
    this.low = Math.min(...this.found.map(([, one]) => one.low));
    this.high = Math.max(...this.found.map(([, one]) => one.high));
    this.body.replaceChildren(...this.found.map(([run, histograms]) => this.column(run, histograms)));
  }

  column(run, histograms) {
    const node = element("section", "of-run"), canvas = element("canvas", "heat");
    if (this.found.length > 1) {
      const head = element("div", "run-name");
      head.append(swatch(this.context.colours(run.run_id), 0), " " + run.name);
      node.append(head);
    }
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${run.name}: ${histograms.steps} histograms from step ${histograms.at[0]} to ${histograms.at.at(-1)}, values from ${number(histograms.low)} to ${number(histograms.high)}`);
    paint(canvas, (chart) => this.paintOne(chart, histograms, canvas));
    canvas.onpointermove = (event) => this.tell(event, histograms, canvas);
    canvas.onpointerleave = () => { this.said.textContent = ""; };
    node.append(canvas);
    if (histograms.total > histograms.steps) node.append(element("span", "soft", `${count(histograms.steps)} of ${count(histograms.total)} steps`));
    return node;
  }

  draw() { [...this.body.querySelectorAll("canvas.heat")].forEach((canvas, at) => this.paintOne(new SmallChart(canvas), this.found[at][1], canvas)); }

  paintOne(chart, histograms, canvas) {
    const { at, counts, bins, low, high } = histograms, ink = inkOf(canvas), { pen } = chart;
    pen.clearRect(0, 0, chart.wide, chart.tall);
    if (this.ridge) { this.ridges(chart, histograms, ink); return; }
    const first = at[0], last = at[at.length - 1], pad = at.length > 1 ? (last - first) / (at.length - 1) / 2 : 0.5;
    chart.axes([first - pad, last + pad], [this.low, this.high], ["step", ""]);
    const most = [];
    for (let row = 0; row < at.length; row++) { let top = 0; for (let bin = 0; bin < bins; bin++) top = Math.max(top, counts[row * bins + bin]); most.push(top || 1); }
    const shades = Array.from({ length: 33 }, (_, level) => mixed(OVERLAYS[4], ink.paper, level / 32));
    for (let row = 0; row < at.length; row++) {
      const left = chart.x(row ? (at[row - 1] + at[row]) / 2 : first - pad), right = chart.x(row + 1 < at.length ? (at[row] + at[row + 1]) / 2 : last + pad);
      for (let bin = 0; bin < bins; bin++) {
        const share = Math.sqrt(counts[row * bins + bin] / most[row]);
        if (share <= 0) continue;
        const bottom = chart.y(low + ((high - low) * bin) / bins), top = chart.y(low + ((high - low) * (bin + 1)) / bins);
        pen.fillStyle = shades[Math.round(share * 32)];
        pen.fillRect(left, top, right - left + 0.6, bottom - top + 0.6);
      }
    }
    canvas.scale = chart;
  }

  ridges(chart, { at, counts, bins, low, high }, ink) {
    const { pen, wide, tall } = chart, every = Math.max(1, Math.ceil(at.length / RIDGES)), rows = at.map((_, row) => row).filter((row) => row % every === 0 || row === at.length - 1);
    chart.axes([this.low, this.high], [0, 1], ["value", ""]);
    pen.clearRect(0, 0, 45, tall);
    pen.clearRect(0, 0, wide, tall - 32);
    const height = (tall - 50) / rows.length, lift = Math.max(height * 3, 24);
    pen.textAlign = "right"; pen.textBaseline = "alphabetic";
    rows.forEach((row, turn) => {
      let top = 0;
      for (let bin = 0; bin < bins; bin++) top = Math.max(top, counts[row * bins + bin]);
      const base = lift + 4 + turn * ((tall - 40 - lift) / rows.length);
      pen.beginPath();
      pen.moveTo(chart.x(low), base);
      for (let bin = 0; bin < bins; bin++) pen.lineTo(chart.x(low + ((high - low) * (bin + 0.5)) / bins), base - (counts[row * bins + bin] / (top || 1)) * lift * 0.9);
      pen.lineTo(chart.x(high), base);
      pen.fillStyle = mixed(OVERLAYS[4], ink.paper, 0.25); pen.strokeStyle = OVERLAYS[4];
      pen.fill(); pen.stroke();
      pen.fillStyle = ink.soft;
      if (turn % Math.max(1, Math.ceil(14 / ((tall - 40) / rows.length))) === 0) pen.fillText(shortNumber(at[row]), 42, base);
    });
    chart.pen.canvas.scale = null;
  }

  tell(event, { at, counts, bins, low, high }, canvas) {
    const chart = canvas.scale;
    if (!chart) return;
    const x = event.offsetX, y = event.offsetY;
    let row = 0;
    for (let one = 1; one < at.length; one++) if (Math.abs(chart.x(at[one]) - x) < Math.abs(chart.x(at[row]) - x)) row = one;
    const bin = Math.floor(((chart.y(low) - y) / (chart.y(low) - chart.y(high))) * bins);
    if (bin < 0 || bin >= bins) { this.said.textContent = ""; return; }
    const from = low + ((high - low) * bin) / bins;
    this.said.textContent = `step ${at[row].toLocaleString("en-US")}: ${number(counts[row * bins + bin])} from ${number(from)} to ${number(from + (high - low) / bins)}`;
  }

  stop() { this.turn = -1; this.node.remove(); }
}
