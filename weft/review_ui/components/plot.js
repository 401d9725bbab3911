// One chart on a canvas: axes, lines with what lies between least and greatest behind them, and above it a second canvas
// for what follows the pointer, so that moving it draws no curve again.
const DASHES = [[], [6, 3], [2, 2.5], [9, 3, 2, 3]];
const INSET = { left: 52, right: 10, top: 6, bottom: 22 };
const MANY_CURVES = 24;  // of more, dashes tell nothing apart and cost much
const FEW_CURVES = 12;  // up to so many, the whole envelope is filled; of more, only what stands out of a line

function niceSteps(low, high, most) {
  const raw = (high - low) / Math.max(1, most), scale = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((part) => part * scale >= raw * 0.999) * scale;
  const ticks = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9 && ticks.length < 50; at++) ticks.push(at * step);
  return ticks.map((tick) => (Math.abs(tick) < step * 1e-6 ? 0 : tick));
}

function logSteps(low, high, most) {
  if (high - low < 2.2) {
    const fine = [];
    for (let power = Math.floor(low); power <= high; power++) for (const part of [1, 2, 5]) fine.push(power + Math.log10(part));
    const inside = fine.filter((tick) => tick >= low && tick <= high);
    if (inside.length >= 2) return inside;
  }
  const from = Math.floor(low), to = Math.ceil(high), every = Math.max(1, Math.ceil((high - low) / Math.max(1, most)));
  const ticks = [];
  for (let power = from; power <= to; power += every) ticks.push(power);
  const inside = ticks.filter((tick) => tick >= low && tick <= high);
  if (inside.length >= 2) return inside;
  return niceSteps(low, high, most);
}

const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];

function timeSteps(low, high, most) {
  const raw = (high - low) / Math.max(1, most), step = TIME_STEPS.find((part) => part >= raw);
  if (raw < 1 || !step) return niceSteps(low, high, most);
  const ticks = [];
  for (let at = Math.ceil(low / step); at * step <= high; at++) ticks.push(at * step);
  return ticks;
}

function shortNumber(value) {
  const size = Math.abs(value);
  if (value === 0) return "0";
  if (size >= 1e15 || size < 1e-4) return value.toExponential(Math.abs(value / 10 ** Math.floor(Math.log10(size)) % 1) > 0.01 ? 1 : 0);
  for (const [unit, scale] of [["T", 1e12], ["G", 1e9], ["M", 1e6], ["k", 1e4]]) {
    if (size >= scale) return Number((value / (unit === "k" ? 1e3 : scale)).toPrecision(4)) + unit;
  }
  return String(Number(value.toPrecision(5)));
}

// A place on the x axis in words: a step, a time of day, a time since the start (s).
function placeOf(x, kind, span) {
  if (kind === "time") return clockTime(x, span);
  if (kind === "relative") return x < 0 ? "−" + duration(-x * 1e9) : duration(x * 1e9);
  return Number.isInteger(x) && Math.abs(x) < 1e15 ? x.toLocaleString("en-US") : number(x, 4);
}

// A time on the axis, as short as it can be said.
function shortTime(x) {
  const s = Math.abs(x), sign = x < 0 ? "−" : "";
  if (s === 0) return "0";
  if (s < 60) return sign + Number(s.toPrecision(3)) + " s";
  if (s < 3600) return sign + Number((s / 60).toPrecision(3)) + " min";
  if (s < 86400) return sign + Number((s / 3600).toPrecision(3)) + " h";
  return sign + Number((s / 86400).toPrecision(3)) + " d";
}

function clockTime(seconds, span) {
  const at = new Date(seconds * 1000);
  const day = { month: "short", day: "numeric" }, time = { hour: "2-digit", minute: "2-digit", hour12: false };
  if (span > 3 * 86400) return at.toLocaleDateString(undefined, day);
  if (span > 86400) return at.toLocaleString(undefined, { ...day, ...time });
  return at.toLocaleTimeString(undefined, span < 600 ? { ...time, second: "2-digit" } : time);
}

// An exponential moving average that begins unbiased; a bucket of n points counts as n (as TensorBoard smooths, of buckets).
function smoothed(curve, weight) {
  const { mean, counts } = curve, out = new Float64Array(mean.length);
  let last = 0, mass = 0;
  for (let at = 0; at < mean.length; at++) {
    if (!Number.isFinite(mean[at])) { out[at] = NaN; continue; }
    const keep = weight ** Math.max(1, counts[at]);
    last = last * keep + mean[at] * (1 - keep);
    mass = mass * keep + (1 - keep);
    out[at] = last / mass;
  }
  return out;
}

function nearestAt(x, wanted) {
  let low = 0, high = x.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (x[middle] < wanted) low = middle; else high = middle;
  }
  return Math.abs(x[low] - wanted) <= Math.abs(x[high] - wanted) ? low : high;
}

class Plot {
  constructor(host) {
    this.node = element("div", "plot");
    this.base = element("canvas", "base");
    this.over = element("canvas", "over");
    this.node.append(this.base, this.over);
    host.append(this.node);
    this.lines = [];
    this.options = { kind: "step", logX: false, logY: false, weight: 0, x: null, y: null, band: true };
  }

  // `lines`: {run, source, label, colour, dash, x, low, high, mean, counts, band}; `band`: low and high are a group's.
  set(lines, options, ink) {
    Object.assign(this.options, options);
    const { weight } = this.options;
    this.lines = lines.map((line) => ({ ...line, shown: weight ? smoothed(line, weight) : line.mean }));
    this.ink = ink;
    this.draw();
  }

  size() {
    const width = this.node.clientWidth, height = this.node.clientHeight, ratio = window.devicePixelRatio || 1;
    if (width === this.width && height === this.height && ratio === this.ratio) return;
    Object.assign(this, { width, height, ratio });
    for (const canvas of [this.base, this.over]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
  }

  // What the axes reach from and to: what was zoomed to, or what there is to see, spikes too.
  reach() {
    const { logX, logY, x, y } = this.options;
    let [left, right] = x ?? [Infinity, -Infinity];
    if (!x) for (const line of this.lines) {
      let first = 0;
      if (logX) while (first < line.x.length && line.x[first] <= 0) first++;
      if (first < line.x.length) { left = Math.min(left, line.x[first]); right = Math.max(right, line.x[line.x.length - 1]); }
    }
    if (!(left <= right)) [left, right] = logX ? [1, 10] : [0, 1];
    // Of a bucket the last place is known: a curve from the beginning begins there.
    if (!x && !logX && left > 0 && left < (right - left) * 0.02) left = 0;
    if (left === right) [left, right] = logX ? [left / 2, right * 2] : [left - 0.5, right + 0.5];
    let [low, high] = y ?? [Infinity, -Infinity];
    if (!y) {
      for (const line of this.lines) {
        for (let at = 0; at < line.x.length; at++) {
          if (line.x[at] < left || line.x[at] > right) continue;
          // An interval of two runs is wider than all that was measured: the axis ends where the runs do.
          const below = line.band ? Math.max(line.low[at], line.least) : line.low[at], above = line.band ? Math.min(line.high[at], line.most) : line.high[at];
          if (Number.isFinite(below) && (!logY || below > 0) && below < low) low = below;
          if (Number.isFinite(above) && (!logY || above > 0) && above > high) high = above;
        }
      }
      if (!(low <= high)) [low, high] = logY ? [0.1, 1] : [0, 1];
      if (low === high) [low, high] = logY ? [low / 2, high * 2] : [low - (Math.abs(low) * 0.1 || 0.5), high + (Math.abs(high) * 0.1 || 0.5)];
      if (!logY) { const room = (high - low) * 0.04; low -= room; high += room; }
    }
    const log = (value, on) => (on ? Math.log10(Math.max(value, 1e-300)) : value);
    this.from = [log(left, logX), log(low, logY)];
    this.to = [log(right, logX), log(high, logY)];
    this.wide = this.width - INSET.left - INSET.right;
    this.tall = this.height - INSET.top - INSET.bottom;
    this.scale = [this.wide / (this.to[0] - this.from[0]), this.tall / (this.to[1] - this.from[1] || 1)];
  }

  toX(value) { return INSET.left + ((this.options.logX ? Math.log10(value) : value) - this.from[0]) * this.scale[0]; }
  toY(value) { return INSET.top + this.tall - ((this.options.logY ? Math.log10(value) : value) - this.from[1]) * this.scale[1]; }
  xAt(pixel) { const at = this.from[0] + (pixel - INSET.left) / this.scale[0]; return this.options.logX ? 10 ** at : at; }
  yAt(pixel) { const at = this.from[1] + (INSET.top + this.tall - pixel) / this.scale[1]; return this.options.logY ? 10 ** at : at; }

  draw() {
    this.size();
    if (!this.width || !this.ink) return;
    this.reach();
    const pen = this.base.getContext("2d");
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    this.paint(pen);
    this.under(null, null);
  }

  paint(pen) {
    this.axes(pen);
    pen.save();
    pen.beginPath();
    pen.rect(INSET.left, INSET.top - 2, this.wide + 1, this.tall + 4);
    pen.clip();
    const filled = this.lines.length <= FEW_CURVES;
    if (this.options.band) for (const line of this.lines) line.band || filled ? this.fill(pen, line) : this.spikes(pen, line);
    pen.lineJoin = "bevel";
    if (this.options.weight) for (const line of this.lines) this.stroke(pen, line, line.mean, 1, filled ? 0.3 : 0.12);
    for (const line of this.lines) this.stroke(pen, line, line.shown, filled ? 1.6 : 1, 1);
    for (const line of this.lines) this.endless(pen, line);
    pen.restore();
  }

  // Where a value was infinite: a triangle at the edge that it left by.
  endless(pen, line) {
    const { x, low, high } = line, foot = INSET.top + this.tall;
    pen.fillStyle = line.colour;
    for (let at = 0, last = [-Infinity, -Infinity]; at < x.length; at++) {
      const place = this.toX(x[at]);
      for (const [side, up] of [[0, high[at] === Infinity], [1, low[at] === -Infinity]]) {
        if (!up || place - last[side] < 4) continue;
        last[side] = place;
        const edge = side ? foot : INSET.top, inner = edge + (side ? -7 : 7);
        pen.beginPath(); pen.moveTo(place, edge); pen.lineTo(place - 4, inner); pen.lineTo(place + 4, inner); pen.fill();
      }
    }
  }

  axes(pen) {
    const { kind, logX, logY } = this.options, { ink } = this;
    pen.font = "11px " + ink.font;
    pen.lineWidth = 1;
    pen.strokeStyle = ink.grid;
    pen.fillStyle = ink.soft;
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    const rows = Math.max(2, Math.floor(this.tall / 36)), columns = Math.max(2, Math.floor(this.wide / 84));
    const tall = (logY ? logSteps : niceSteps)(this.from[1], this.to[1], rows);
    for (const tick of tall) {
      const y = Math.round(INSET.top + this.tall - (tick - this.from[1]) * this.scale[1]) + 0.5;
      pen.beginPath(); pen.moveTo(INSET.left, y); pen.lineTo(this.width - INSET.right, y); pen.stroke();
      pen.fillText(shortNumber(logY ? Number((10 ** tick).toPrecision(3)) : tick), INSET.left - 6, y);
    }
    const steps = logX ? logSteps : kind === "time" || kind === "relative" ? timeSteps : niceSteps;
    pen.textBaseline = "top";
    const span = this.to[0] - this.from[0], foot = INSET.top + this.tall;
    pen.strokeStyle = ink.soft;
    pen.beginPath(); pen.moveTo(INSET.left, foot + 0.5); pen.lineTo(this.width - INSET.right, foot + 0.5); pen.stroke();
    for (const tick of steps(this.from[0], this.to[0], columns)) {
      if (kind === "step" && !logX && !Number.isInteger(tick)) continue;
      const x = INSET.left + (tick - this.from[0]) * this.scale[0], value = logX ? 10 ** tick : tick;
      const text = kind === "relative" ? shortTime(value) : kind === "time" ? clockTime(value, span) : shortNumber(Number(value.toPrecision(6)));
      const half = pen.measureText(text).width / 2;
      pen.textAlign = x + half > this.width ? "right" : "center";
      pen.fillText(text, Math.min(x, this.width - 1), foot + 6);
      pen.beginPath(); pen.moveTo(Math.round(x) + 0.5, foot); pen.lineTo(Math.round(x) + 0.5, foot + 3); pen.stroke();
    }
  }

  // From the least to the greatest of each bucket; where there is nothing finite, there is a gap.
  fill(pen, line) {
    const { x, low, high } = line, { logY } = this.options;
    pen.fillStyle = line.colour;
    pen.globalAlpha = line.band ? 0.2 : 0.22;
    let from = 0;
    const flush = (to) => {
      if (to - from < 1) return;
      pen.beginPath();
      for (let at = from; at < to; at++) pen.lineTo(this.toX(x[at]), this.toY(high[at]));
      for (let at = to - 1; at >= from; at--) pen.lineTo(this.toX(x[at]), Math.min(this.height, this.toY(logY ? Math.max(low[at], 1e-300) : low[at])));
      pen.fill();
    };
    for (let at = 0; at <= x.length; at++) {
      if (at < x.length && Number.isFinite(low[at]) && Number.isFinite(high[at]) && (!logY || high[at] > 0)) continue;
      flush(at);
      from = at + 1;
    }
    pen.globalAlpha = 1;
  }

  // Of many curves: a stroke from least to greatest where it is longer than a line is thick, so that no spike is lost.
  spikes(pen, line) {
    const { x, low, high } = line;
    pen.strokeStyle = line.colour;
    pen.globalAlpha = 0.35;
    pen.lineWidth = 1;
    pen.setLineDash([]);
    pen.beginPath();
    for (let at = 0; at < x.length; at++) {
      const top = this.toY(high[at]), foot = this.toY(Math.max(low[at], this.options.logY ? 1e-300 : -Infinity));
      if (!(foot - top > 2.5)) continue;
      const place = Math.round(this.toX(x[at])) + 0.5;
      pen.moveTo(place, Math.min(foot, this.height));
      pen.lineTo(place, top);
    }
    pen.stroke();
    pen.globalAlpha = 1;
  }

  stroke(pen, line, values, width, alpha) {
    const { x } = line, { logX, logY } = this.options, [a, b] = this.scale, [left, low] = this.from, foot = INSET.top + this.tall;
    pen.strokeStyle = line.colour;
    pen.globalAlpha = alpha;
    pen.lineWidth = width;
    pen.setLineDash(this.lines.length > MANY_CURVES ? [] : DASHES[line.dash % DASHES.length]);
    pen.beginPath();
    let down = false, points = 0;
    for (let at = 0; at < values.length; at++) {
      const value = values[at];
      if (!Number.isFinite(value) || (logY && value <= 0) || (logX && x[at] <= 0)) { down = false; continue; }
      const px = INSET.left + ((logX ? Math.log10(x[at]) : x[at]) - left) * a;
      const py = foot - ((logY ? Math.log10(value) : value) - low) * b;
      if (down) pen.lineTo(px, py);
      else {
        const alone = at + 1 >= values.length || !Number.isFinite(values[at + 1]);
        if (alone) { pen.moveTo(px + 1.5, py); pen.arc(px, py, 1.5, 0, 7); } else pen.moveTo(px, py);
      }
      down = true;
      points++;
    }
    if (points) pen.stroke();
    pen.globalAlpha = 1;
    pen.setLineDash([]);
  }

  // Where each line stands at a place, those that have a value there.
  values(x) {
    const found = [];
    for (const line of this.lines) {
      const n = line.x.length;
      if (!n) continue;
      const room = n > 1 ? (line.x[n - 1] - line.x[0]) / (n - 1) : 0;
      if (x < line.x[0] - room || x > line.x[n - 1] + room) continue;
      const at = nearestAt(line.x, x);
      found.push({ line, at, x: line.x[at], value: line.shown[at], raw: line.mean[at], low: line.low[at], high: line.high[at], n: line.counts[at] });
    }
    return found;
  }

  // What follows the pointer: the place, the points there, a run that stands out, what is being zoomed to.
  under(x, bright, drag = null) {
    const bare = x === null && !bright && !drag;
    if (bare && this.bare) return [];
    this.bare = bare;
    const pen = this.over.getContext("2d");
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    if (!this.ink || !this.scale) return [];
    pen.save();
    pen.beginPath();
    pen.rect(INSET.left - 4, INSET.top - 4, this.wide + 8, this.tall + 8);
    pen.clip();
    if (bright) for (const line of this.lines) if (line.run === bright) {
      this.stroke(pen, { ...line, colour: this.ink.paper }, line.shown, 5.5, 0.9);
      this.stroke(pen, line, line.shown, 2.6, 1);
    }
    let found = [];
    if (x !== null) {
      const place = Math.round(this.toX(x)) + 0.5;
      pen.strokeStyle = this.ink.soft;
      pen.lineWidth = 1;
      pen.setLineDash([3, 3]);
      pen.beginPath(); pen.moveTo(place, INSET.top); pen.lineTo(place, INSET.top + this.tall); pen.stroke();
      pen.setLineDash([]);
      found = this.values(x);
      const dots = found.length <= FEW_CURVES ? found : found.filter((one) => one.line.run === bright);
      for (const one of dots) {
        if (!Number.isFinite(one.value)) continue;
        pen.fillStyle = one.line.colour;
        pen.beginPath(); pen.arc(this.toX(one.x), this.toY(one.value), 3, 0, 7); pen.fill();
      }
    }
    if (drag) {
      pen.fillStyle = this.ink.wash;
      const [from, to] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
      drag.tall ? pen.fillRect(INSET.left, from, this.wide, to - from) : pen.fillRect(from, INSET.top, to - from, this.tall);
    }
    pen.restore();
    return found;
  }
}
