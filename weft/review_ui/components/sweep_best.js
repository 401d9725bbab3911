// The values of trials in the order in which they came, and the best so far as a line of steps.
const FAR_OUT = 4;  // of a range this many times as wide as what most trials need, the rest is left out until it is asked for
const EDGE = 0.012;  // of the x axis left free at both ends

// From the first place to the last, with room for the dots there to be whole.
function roomAround(x) {
  const from = x[0], to = x[x.length - 1];
  return from < to ? [from - EDGE * (to - from), to + EDGE * (to - from)] : null;
}

class BestPlot extends Plot {
  // Dots stand where other charts have a line.
  stroke(pen, line, values, width, alpha) {
    if (!line.dots) { super.stroke(pen, line, values, line.wide ?? width, alpha); return; }
    const { x, kinds } = line, many = x.length > 2000, r = many ? 1.2 : 2.2, foot = INSET.top + this.tall, { logY } = this.options;
    const colours = { complete: line.colour, pruned: this.ink.warm, failed: this.ink.bad, crashed: this.ink.bad, canceled: this.ink.soft };
    for (const kind of ["complete", "pruned", "failed", "crashed", "canceled"]) {
      pen.fillStyle = pen.strokeStyle = colours[kind];
      pen.lineWidth = 1.2;
      pen.globalAlpha = many ? 0.5 : 0.85;
      pen.beginPath();
      for (let at = 0; at < x.length; at++) {
        if (kinds[at] !== kind) continue;
        const px = this.toX(x[at]), value = values[at];
        if (!Number.isFinite(value) || (logY && value <= 0)) { pen.moveTo(px, foot); pen.lineTo(px, foot - 6); continue; }
        const raw = this.toY(value), py = Math.min(foot - 2, Math.max(INSET.top + 2, raw));
        if (raw !== py) { const inner = raw < py ? 5 : -5; pen.moveTo(px - 3, py + inner); pen.lineTo(px, py); pen.lineTo(px + 3, py + inner); continue; }
        if (kind === "complete") pen.rect(px - r, py - r, 2 * r, 2 * r);
        else { pen.moveTo(px - r, py - r); pen.lineTo(px + r, py + r); pen.moveTo(px - r, py + r); pen.lineTo(px + r, py - r); }
      }
      kind === "complete" ? pen.fill() : pen.stroke();
      if (kind === "complete") { pen.globalAlpha = 1; pen.beginPath(); }
    }
    pen.globalAlpha = 1;
  }

  paint(pen) {
    super.paint(pen);
    const { target } = this;
    if (target === null || target === undefined || !(this.yAt(INSET.top + this.tall) <= target && target <= this.yAt(INSET.top))) return;
    const y = Math.round(this.toY(target)) + 0.5;
    pen.strokeStyle = this.ink.good;
    pen.lineWidth = 1;
    pen.setLineDash([5, 4]);
    pen.beginPath(); pen.moveTo(INSET.left, y); pen.lineTo(this.width - INSET.right, y); pen.stroke();
    pen.setLineDash([]);
    pen.fillStyle = this.ink.good;
    pen.textAlign = "right"; pen.textBaseline = "bottom";
    pen.font = "11px " + this.ink.font;
    pen.fillText("target", this.width - INSET.right - 2, y - 2);
  }

  // The trial nearest to a place, within reach of a finger.
  near(x, y) {
    const line = this.lines.find((one) => one.dots), foot = INSET.top + this.tall;
    let best = null, least = 24 ** 2;
    for (let at = 0; line && at < line.x.length; at++) {
      const value = line.mean[at], py = Number.isFinite(value) ? Math.min(foot, Math.max(INSET.top, this.toY(value))) : foot;
      const away = (this.toX(line.x[at]) - x) ** 2 + (py - y) ** 2;
      if (away < least) { least = away; best = line.numbers[at]; }
    }
    return best;
  }

  // Rings around what was chosen and what is pointed at.
  ring(chosen, pointed, colour) {
    const pen = this.over.getContext("2d"), line = this.lines.find((one) => one.dots), foot = INSET.top + this.tall;
    this.bare = false;
    this.under(null, null);
    if (!line || !this.scale) return;
    this.bare = false;
    pen.save();
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    for (const number of [...chosen, ...(pointed === null ? [] : [pointed])]) {
      const at = line.where.get(number);
      if (at === undefined) continue;
      const value = line.mean[at], py = Number.isFinite(value) ? Math.min(foot, Math.max(INSET.top, this.toY(value))) : foot;
      pen.strokeStyle = number === pointed ? this.ink.ink : colour(number);
      pen.lineWidth = 2;
      pen.beginPath(); pen.arc(this.toX(line.x[at]), py, 5, 0, 7); pen.stroke();
    }
    pen.restore();
  }
}

class BestSoFar extends TrialChart {
  constructor(host, model, board, palette) {
    super();
    Object.assign(this, { host, model, board, palette });
    this.node = element("section", "sweep-chart");
    this.plotHost = element("div", "plot-host tall");
    this.note = element("div", "soft");
    this.headHost = element("div");
    this.node.append(this.headHost, this.plotHost, this.note);
    host.append(this.node);
    this.plot = new BestPlot(this.plotHost);
    this.readout = new TrialReadout(host);
    this.plotHost.onpointermove = (event) => this.move(event);
    this.plotHost.onpointerleave = () => this.leave();
    this.plotHost.onclick = (event) => this.click(event);
    this.listens = [model.onChange(() => this.soon()), model.onChoose(() => this.ring()), model.onPoint(() => this.ring())];
    this.sized = new ResizeObserver(() => this.soon());
    this.sized.observe(this.plotHost);
  }

  head() {
    const { board, model } = this, names = model.objectives.map((one) => one.name), key = JSON.stringify([names, this.objective, board.get("by"), board.get("ly"), board.get("all"), this.left]);
    if (key === this.headKey) return;
    this.headKey = key;
    const choices = [];
    if (names.length > 1) {
      const which = chooser(names.map((name) => [name, name]), names[this.objective]);
      which.setAttribute("aria-label", "Objective");
      which.onchange = () => board.set({ objective: which.value === names[0] ? "" : which.value }, false);
      choices.push(which);
    }
    const by = chooser([["", "by trial"], ["time", "by time"]], board.get("by"));
    by.setAttribute("aria-label", "What stands along the x axis");
    by.onchange = () => board.set({ by: by.value }, false);
    choices.push(by, tickBox("log", "A logarithmic y axis", board.get("ly") === "1", (on) => board.set({ ly: on ? "1" : "" }, false)));
    if (this.left || board.get("all")) choices.push(tickBox("whole range", "Draw what lies far out, too", board.get("all") === "1", (on) => board.set({ all: on ? "1" : "" }, false)));
    this.headHost.replaceChildren(chartHead(this, "Best so far", choices, () => this.lines()));
  }

  get objective() { return objectiveAt(this.model, this.board); }

  update() {
    const { model, board } = this, { trials } = model, goal = model.objectives[this.objective], values = trials.values[this.objective] ?? [];
    if (!model.sweep) return;
    const byTime = board.get("by") === "time", from = plainNumber(model.sweep.created_ns), numbers = [];
    for (let at = 0; at < model.count; at++) if (trials.status[at] !== "running") numbers.push(at);
    const place = byTime ? (at) => Math.max(0, ((trials.ended_ns[at] ?? trials.started_ns[at]) - from) / 1e9) : (at) => at;
    if (byTime) numbers.sort((a, b) => place(a) - place(b));
    const x = Float64Array.from(numbers, place), mean = Float64Array.from(numbers, (at) => values[at] ?? NaN);
    const dots = { run: "trials", source: "", label: "trials", colour: this.palette[0], dash: 0, x, mean, low: mean, high: mean, counts: mean, dots: true, kinds: numbers.map((at) => trials.status[at]), numbers, where: new Map(numbers.map((number, at) => [number, at])) };
    const steps = this.steps(numbers, x, mean, goal);
    const limit = this.range(mean, goal);
    this.left = limit ? limit.left : 0;
    this.head();
    this.plot.target = goal?.target ?? null;
    const shown = limit && !board.get("all") ? [limit.low, limit.high] : null;
    this.plot.set([dots, steps], { kind: byTime ? "relative" : "step", logX: false, logY: board.get("ly") === "1", weight: 0, x: roomAround(x), y: shown, band: false }, sweepInk(this.host));
    const done = numbers.filter((at) => trials.status[at] === "complete").length;
    this.plotHost.setAttribute("role", "img");
    this.plotHost.setAttribute("aria-label", `Best so far: ${goal ? goal.name : "no objective"} of ${count(done)} complete trials${steps.mean.length ? ", best " + number(steps.mean[steps.mean.length - 1], 4) : ""}`);
    const pruned = numbers.some((at) => trials.status[at] === "pruned"), bare = mean.some((value) => !Number.isFinite(value));
    this.note.textContent = !numbers.length ? "No trial has ended yet." : [`${goal?.name ?? "value"} to be ${goal ? goalWord(goal) : "known"}`, pruned ? "× pruned" : "", bare ? "ticks at the foot: failed, without a value" : "", shown && this.left ? `${count(this.left)} far out, at the edge` : ""].filter(Boolean).join(" · ");
    this.ring();
  }

  // The best so far, from each trial that was better than all before.
  steps(numbers, x, mean, goal) {
    const { status } = this.model.trials, less = goal?.goal !== "maximize", px = [], py = [];
    let best = null;
    for (let at = 0; at < numbers.length; at++) {
      if (status[numbers[at]] !== "complete" || !Number.isFinite(mean[at]) || (best !== null && !(less ? mean[at] < best : mean[at] > best))) continue;
      if (best !== null) { px.push(x[at]); py.push(best); }
      best = mean[at];
      px.push(x[at]); py.push(best);
    }
    if (best !== null && px[px.length - 1] < x[x.length - 1]) { px.push(x[x.length - 1]); py.push(best); }
    const line = Float64Array.from(py);
    return { run: "best", source: "", label: "best so far", colour: this.palette[1], dash: 0, wide: 2.2, x: Float64Array.from(px), mean: line, low: line, high: line, counts: line };
  }

  // What most trials need of the y axis, where a few lie far out on the worse side.
  range(mean, goal) {
    const known = mean.filter(Number.isFinite).sort();
    if (known.length < 20) return null;
    const less = goal?.goal !== "maximize", best = less ? known[0] : known[known.length - 1], most = known[Math.floor(known.length * (less ? 0.9 : 0.1))], far = less ? known[known.length - 1] : known[0];
    if (!(Math.abs(far - best) > FAR_OUT * Math.abs(most - best)) || most === best) return null;
    const edge = most + 0.15 * (most - best), foot = best - 0.05 * (most - best);
    return { low: Math.min(edge, foot), high: Math.max(edge, foot), left: known.filter((value) => (less ? value > edge : value < edge)).length };
  }

  click(event) {
    const number = this.at(event);
    if (number === null) { this.model.choose([]); return; }
    const next = new Set(this.model.chosen);
    next.has(number) ? next.delete(number) : next.add(number);
    this.model.choose(next);
  }

  ring() {
    if (this.plot.ink) this.plot.ring([...this.model.chosen].slice(0, 500), this.model.pointed, (number) => colourOf(this.model.trials.run_id[number] ?? String(number), this.palette));
  }

  lines() {
    const { trials, objectives } = this.model;
    return [["trial", "status", ...objectives.map((one) => one.name), "ended"], ...trials.number.map((at) => [at, trials.status[at], ...trials.values.map((column) => column[at]), trials.ended_ns[at] === null ? null : new Date(trials.ended_ns[at] / 1e6).toISOString()])];
  }
}
