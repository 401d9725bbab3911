// Charts that runs log by themselves (weft.plot), drawn small on a canvas; and figures of plotly, in a frame of their own.
const PLOTLY = "application/vnd.plotly.v1+json";
const PLOT_ROWS = 10000;
let plotlySource = null;

class SmallChart {
  constructor(canvas) {
    const ratio = window.devicePixelRatio || 1;
    this.wide = canvas.clientWidth || 320;
    this.tall = canvas.clientHeight || 200;
    canvas.width = this.wide * ratio; canvas.height = this.tall * ratio;
    this.pen = canvas.getContext("2d");
    this.pen.scale(ratio, ratio);
    this.ink = inkOf(canvas);
    this.pen.font = `11px ${this.ink.font}`;
  }

  axes([x0, x1], [y0, y1], names = ["", ""]) {
    const left = 46, right = 10, top = 8, bottom = names[0] ? 32 : 20, { pen, wide, tall, ink } = this;
    if (!(x1 > x0)) { x0 -= 0.5; x1 += 0.5; }
    if (!(y1 > y0)) { y0 -= 0.5; y1 += 0.5; }
    this.x = (value) => left + ((value - x0) / (x1 - x0)) * (wide - left - right);
    this.y = (value) => tall - bottom - ((value - y0) / (y1 - y0)) * (tall - top - bottom);
    pen.fillStyle = ink.soft; pen.strokeStyle = ink.grid; pen.lineWidth = 1;
    pen.textAlign = "right"; pen.textBaseline = "middle";
    for (const tick of niceSteps(y0, y1, 4)) {
      pen.beginPath(); pen.moveTo(left, this.y(tick)); pen.lineTo(wide - right, this.y(tick)); pen.stroke();
      pen.fillText(shortNumber(tick), left - 5, this.y(tick));
    }
    pen.textAlign = "center"; pen.textBaseline = "top";
    for (const tick of niceSteps(x0, x1, Math.max(2, Math.floor(wide / 80)))) pen.fillText(shortNumber(tick), this.x(tick), tall - bottom + 5);
    if (names[0]) pen.fillText(names[0], (left + wide - right) / 2, tall - 14);
  }

  line(points, colour) {
    const { pen } = this;
    pen.strokeStyle = colour; pen.lineWidth = 1.5;
    pen.beginPath();
    let drawn = false;
    for (const [x, y] of points) {
      if (!Number.isFinite(x) || !Number.isFinite(y)) { drawn = false; continue; }
      drawn ? pen.lineTo(this.x(x), this.y(y)) : pen.moveTo(this.x(x), this.y(y));
      drawn = true;
    }
    pen.stroke();
  }

  dots(points, colour) {
    this.pen.fillStyle = colour;
    this.pen.globalAlpha = points.length > 500 ? 0.4 : 0.8;
    for (const [x, y] of points) if (Number.isFinite(x) && Number.isFinite(y)) this.pen.fillRect(this.x(x) - 1.5, this.y(y) - 1.5, 3, 3);
    this.pen.globalAlpha = 1;
  }

  // Bars from x0 to x1, from zero up.
  bars(bars, name = "") {
    const highs = bars.map(([, , high]) => high);
    this.axes([bars[0][0], bars[bars.length - 1][1]], [Math.min(0, ...highs), Math.max(0, ...highs)], [name, ""]);
    this.pen.fillStyle = OVERLAYS[4];
    for (const [x0, x1, high] of bars) {
      const from = this.x(x0), to = this.x(x1), base = this.y(0);
      this.pen.fillRect(from, Math.min(base, this.y(high)), Math.max(1, to - from - (to - from > 4 ? 1 : 0)), Math.abs(base - this.y(high)));
    }
  }
}

// Draw once the canvas stands on the page, and again where its size changes.
function paint(canvas, draw) {
  let wide = 0;
  const sized = new ResizeObserver(() => {
    if (!canvas.isConnected || canvas.clientWidth === wide) return;
    wide = canvas.clientWidth;
    draw(new SmallChart(canvas));
  });
  sized.observe(canvas);
}

// The rows of a chart's table, up to ten thousand.
async function plotRows(context, item) {
  const rows = [], at = context.at;
  while (rows.length < PLOT_ROWS) {
    const query = new URLSearchParams({ run_id: at.run_id, name: at.name, source: at.source, step: at.step, first: rows.length, limit: 1000 });
    const page = await ask("/api/tables?" + query);
    rows.push(...page.rows);
    if (rows.length >= page.matched || !page.rows.length) return { names: page.columns.map((column) => column.name), rows, whole: true };
  }
  return { names: item.columns.map((column) => column.name), rows, whole: false };
}

function plotValue(item, context) {
  const host = element("div", "plotted");
  if (item.title) host.append(element("div", "plot-title", item.title));
  plotRows(context, item).then(({ names, rows, whole }) => {
    const column = (role) => { const at = names.indexOf(item.fields[role]); return rows.map((row) => (typeof row[at] === "number" || typeof row[at] === "string" ? row[at] : NaN)); };
    host.append(chartNode(item, column));
    if (!whole) host.append(element("span", "soft", `the first ${count(rows.length)} of ${count(item.rows)} rows`));
  }).catch((error) => host.append(errorNode(error)));
  return host;
}

function chartNode(item, column) {
  if (item.plot === "confusion_matrix") return confusionTable(column("actual"), column("predicted"), column("count"));
  const canvas = element("canvas", "small-chart"), legend = element("div", "plot-legend"), box = element("div");
  box.append(canvas, legend);
  if (item.plot === "bar") { box.replaceChildren(...barRows(column("label"), column("value"))); return box; }
  if (item.plot === "histogram") { paint(canvas, (chart) => chart.bars(binned(column("value").filter(Number.isFinite)), item.fields.value)); return box; }
  const xs = column("x"), ys = column("y"), groups = new Map(), strokes = item.fields.stroke ? column("stroke") : xs.map(() => "");
  xs.forEach((x, at) => { if (!groups.has(strokes[at])) groups.set(strokes[at], []); groups.get(strokes[at]).push([x, ys[at]]); });
  const unit = item.plot === "pr_curve" || item.plot === "roc_curve", reach = (values) => values.reduce(([low, high], one) => (Number.isFinite(one) ? [Math.min(low, one), Math.max(high, one)] : [low, high]), [Infinity, -Infinity]);
  paint(canvas, (chart) => {
    chart.axes(unit ? [0, 1] : reach(xs), unit ? [0, 1] : reach(ys), [item.fields.x, item.fields.y]);
    if (item.plot === "roc_curve") { chart.pen.setLineDash([3, 3]); chart.line([[0, 0], [1, 1]], chart.ink.soft); chart.pen.setLineDash([]); }
    [...groups.values()].forEach((points, at) => (item.plot === "scatter" ? chart.dots(points, OVERLAYS[(at + 4) % 7]) : chart.line(points, OVERLAYS[(at + 4) % 7])));
  });
  if (groups.size > 1) [...groups.keys()].slice(0, 20).forEach((name, at) => { const mark = element("span", "named"); mark.append(swatch(OVERLAYS[(at + 4) % 7], 0), " " + name); legend.append(mark); });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${item.plot.replace("_", " ")} of ${item.fields.y} over ${item.fields.x}`);
  return box;
}

function binned(values) {
  if (!values.length) return [[0, 1, 0]];
  let low = Infinity, high = -Infinity;
  for (const one of values) { low = Math.min(low, one); high = Math.max(high, one); }
  if (low === high) { low -= 0.5; high += 0.5; }
  const bins = Math.min(50, Math.max(5, Math.ceil(Math.sqrt(values.length)))), counts = new Array(bins).fill(0);
  for (const one of values) counts[Math.min(bins - 1, Math.floor(((one - low) / (high - low)) * bins))]++;
  return counts.map((high_, at) => [low + ((high - low) * at) / bins, low + ((high - low) * (at + 1)) / bins, high_]);
}

function barRows(labels, values) {
  const most = Math.max(...values.filter(Number.isFinite).map(Math.abs), 0) || 1;
  return labels.slice(0, 100).map((label, at) => {
    const row = element("div", "bar-row"), bar = element("div", "bar");
    bar.style.width = (Math.abs(values[at]) / most) * 100 + "%";
    const track = element("div", "bar-track");
    track.append(bar);
    row.append(element("span", "bar-label", String(label)), track, element("span", "bar-value", number(values[at])));
    return row;
  });
}

function confusionTable(actual, predicted, counts) {
  const names = [...new Set(actual)], most = Math.max(...counts, 1), table = element("table", "confusion"), by = new Map(actual.map((name, at) => [name + "\0" + predicted[at], counts[at]]));
  const head = table.insertRow();
  head.append(element("th", "soft", "actual ↓ predicted →"), ...names.map((name) => element("th", "", name)));
  for (const name of names) {
    const row = table.insertRow();
    row.append(element("th", "", name));
    for (const other of names) {
      const value = by.get(name + "\0" + other) || 0, cell = row.insertCell();
      cell.textContent = count(value);
      cell.style.setProperty("--share", Math.round((value / most) * 70) + "%");
      cell.title = `${value} of ${name} were taken for ${other}`;
    }
  }
  const scroll = element("div", "scroll-x");
  scroll.append(table);
  return scroll;
}

// Plotly itself draws what plotly made, in a frame of another origin that can reach nothing; it is told by messages.
function plotlyFigure(item, context) {
  return later(item, context, async (bytes, host) => {
    const spec = new TextDecoder().decode(bytes);
    plotlySource = plotlySource || fetch("/api/plotly.js", { credentials: "same-origin" }).then((answer) => (answer.ok ? answer.text() : Promise.reject(new Error("Plotly is not installed with the server."))));
    let source;
    try { source = await plotlySource; } catch (error) {
      plotlySource = null;
      host.append(element("span", "soft", error.message + " "), saveLink(bytes, { name: "figure.json" }, context, "Save its JSON"));
      return;
    }
    const frame = element("iframe", "plotly-frame"), rules = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:";
    frame.setAttribute("sandbox", "allow-scripts");
    frame.title = item.caption || "figure of plotly";
    frame.onload = () => frame.contentWindow.postMessage({ spec, ink: inkOf(host) }, "*");
    frame.srcdoc = `<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${rules}"><style>html,body,#f{margin:0;height:100%}</style><div id="f"></div>` +
      "<script>" + source.replaceAll("</script", "<\\/script") + "</" + "script><script>addEventListener('message', (event) => { const figure = JSON.parse(event.data.spec); const layout = figure.layout || {}; " +
      "layout.autosize = true; delete layout.width; delete layout.height; document.body.style.background = layout.paper_bgcolor = event.data.ink.paper; layout.font = Object.assign({ color: event.data.ink.ink }, layout.font); layout.margin = layout.margin || { l: 48, r: 16, t: layout.title && layout.title.text ? 44 : 16, b: 40 }; " +
      "Plotly.newPlot('f', figure.data || [], layout, { responsive: true, displaylogo: false, frames: figure.frames }); });</" + "script>";
    host.append(frame, saveLink(bytes, { name: "figure.json" }, context, "Save its JSON"));
  });
}
