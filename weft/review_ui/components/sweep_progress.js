// The metric of trials by iteration as they went on: the best, those at work, those that were chosen, and of the pruned
// ones a sample, each marked where it was stopped. Hyperband's bands stand as lines.
const BEST_DRAWN = 20;
const PRUNED_DRAWN = 30;
const AT_WORK_DRAWN = 20;
const CHOSEN_DRAWN = 40;
const WHYS_SHOWN = 12;

class ProgressPlot extends Plot {
  paint(pen) {
    super.paint(pen);
    const foot = INSET.top + this.tall;
    pen.font = "11px " + this.ink.font;
    for (const band of this.bands ?? []) {
      const x = Math.round(this.toX(band)) + 0.5;
      if (!(x >= INSET.left && x <= this.width - INSET.right)) continue;
      pen.strokeStyle = this.ink.soft;
      pen.lineWidth = 1;
      pen.setLineDash([2, 3]);
      pen.beginPath(); pen.moveTo(x, INSET.top); pen.lineTo(x, foot); pen.stroke();
      pen.setLineDash([]);
      pen.fillStyle = this.ink.soft;
      pen.textAlign = "left"; pen.textBaseline = "top";
      pen.fillText("band " + band, x + 3, INSET.top);
    }
    for (const line of this.lines) if (line.pruned) this.cross(pen, line);
  }

  cross(pen, { x, shown }) {
    const last = shown.length - 1;
    if (last < 0 || !Number.isFinite(shown[last])) return;
    const px = this.toX(x[last]), py = this.toY(shown[last]);
    if (py < INSET.top - 4 || py > INSET.top + this.tall + 4) return;
    pen.strokeStyle = this.ink.warm;
    pen.lineWidth = 1.6;
    pen.beginPath(); pen.moveTo(px - 3, py - 3); pen.lineTo(px + 3, py + 3); pen.moveTo(px - 3, py + 3); pen.lineTo(px + 3, py - 3); pen.stroke();
  }

  stroke(pen, line, values, width, alpha) { super.stroke(pen, line, values, line.wide ?? width, (line.alpha ?? 1) * alpha); }

  // The trial whose curve is nearest to a place.
  near(x, y) {
    let best = null, least = 18;
    for (const line of this.lines) {
      if (!line.x.length) continue;
      const at = nearestAt(line.x, this.xAt(x)), away = Math.hypot((this.toX(line.x[at]) - x) / 3, this.toY(line.shown[at]) - y);
      if (away < least) { least = away; best = line.number; }
    }
    return best;
  }
}

class IntermediateValues extends TrialChart {
  constructor(host, model, board, palette) {
    super();
    Object.assign(this, { host, model, board, palette });
    this.node = element("section", "sweep-chart");
    this.headHost = element("div");
    this.plotHost = element("div", "plot-host tall");
    this.note = element("div", "soft");
    this.problem = element("div");
    this.whys = element("div", "whys");
    this.node.append(this.headHost, this.problem, this.plotHost, this.note, this.whys);
    host.append(this.node);
    this.plot = new ProgressPlot(this.plotHost);
    this.readout = new TrialReadout(host);
    this.curves = new Curves(() => this.draw(), (error) => this.problem.replaceChildren(...(error ? [errorNode(error)] : [])));
    this.plotHost.onpointermove = (event) => this.move(event);
    this.plotHost.onpointerleave = () => this.leave();
    this.plotHost.onclick = (event) => { const number = this.at(event); model.choose(number === null ? [] : [...model.chosen, number]); };
    this.listens = [model.onChange(() => this.soon()), model.onChoose(() => this.soon()), model.onPoint(() => this.bright())];
    this.sized = new ResizeObserver(() => this.draw());
    this.sized.observe(this.plotHost);
  }

  get objective() { return this.model.objectives[objectiveAt(this.model, this.board)]; }

  // Which trials are drawn, each with its reason; the sample of pruned ones stays as more come.
  picked() {
    const { model } = this, { status, run_id } = model.trials, of = (wanted) => model.trials.number.filter((at) => wanted(status[at]) && run_id[at]);
    const best = model.ranked(objectiveAt(model, this.board), BEST_DRAWN).filter((at) => run_id[at]), running = of((word) => word === "running"), pruned = of((word) => word === "pruned");
    const sample = pruned.length <= PRUNED_DRAWN ? pruned : [...pruned].sort((a, b) => scatter(a) - scatter(b)).slice(0, PRUNED_DRAWN);
    const chosen = [...model.chosen].filter((at) => run_id[at]).slice(0, CHOSEN_DRAWN);
    this.told = [`the ${count(best.length)} best`, running.length ? `${count(Math.min(running.length, AT_WORK_DRAWN))} of ${count(running.length)} at work` : "", pruned.length ? `${count(sample.length)} of ${count(pruned.length)} pruned` : "", chosen.length ? `${count(chosen.length)} chosen` : ""].filter(Boolean).join(", ");
    return [...new Set([...sample, ...running.slice(-AT_WORK_DRAWN), ...best.reverse(), ...chosen])];
  }

  update() {
    const { model, objective } = this;
    if (!model.sweep) return;
    if (!objective) { this.note.textContent = "The sweep has no metric, so that there is nothing to follow."; return; }
    const numbers = this.picked(), { run_id, status } = model.trials;
    this.byRun = new Map(numbers.map((number) => [run_id[number], number]));
    const live = numbers.filter((at) => status[at] === "running").map((at) => run_id[at]), key = JSON.stringify([numbers, live, objective.name]);
    if (key !== this.key) {
      if (this.metric !== objective.name) { if (this.metric) this.curves.unsee(this.metric); this.metric = objective.name; this.curves.see(this.metric); }
      this.key = key;
      this.curves.show(numbers.map((at) => run_id[at]), live, { first: null, last: null }, objective.name);
    }
    this.showWhys();
    this.draw();
  }

  head() {
    const { board } = this, key = JSON.stringify([board.get("plx"), board.get("ply"), this.objective?.name]);
    if (key === this.headKey) return;
    this.headKey = key;
    this.headHost.replaceChildren(chartHead(this, `Intermediate values of ${this.objective.name}`, [
      tickBox("log x", "A logarithmic x axis", board.get("plx") === "1", (on) => board.set({ plx: on ? "1" : "" }, false)),
      tickBox("log y", "A logarithmic y axis", board.get("ply") === "1", (on) => board.set({ ply: on ? "1" : "" }, false))], () => this.lines()));
  }

  draw() {
    const { model, objective, board } = this;
    if (!model.sweep || !objective || !this.metric) return;
    this.head();
    const { trials } = model, best = model.best(objectiveAt(model, board)), ink = sweepInk(this.host), firsts = new Map();
    for (const curve of this.curves.of(this.metric)) if (!firsts.has(curve.run)) firsts.set(curve.run, curve);  // of several ranks the first, as pruning does
    const lines = [...firsts.values()].map((curve) => {
      const number = this.byRun.get(curve.run), pruned = trials.status[number] === "pruned", chosen = model.chosen.has(number);
      const x = iterations(curve);
      return { ...curve, x, number, pruned, label: "trial " + number, dash: 0, colour: pruned && !chosen ? ink.soft : colourOf(curve.run, this.palette),
        wide: number === best || chosen ? 2.4 : pruned ? 1 : 1.3, alpha: pruned && !chosen ? 0.55 : 0.9, mean: curve.mean };
    });
    lines.sort((a, b) => (b.pruned - a.pruned) || ((a.number === best) - (b.number === best)));
    const last = Math.max(0, ...lines.map(({ x }) => x[x.length - 1] ?? 0));
    this.plot.bands = bandsOf(model.sweep.config.early_terminate, last);
    this.plot.set(lines, { kind: "step", logX: board.get("plx") === "1", logY: board.get("ply") === "1", weight: 0, x: null, y: null, band: false }, ink);
    this.plotHost.setAttribute("role", "img");
    this.plotHost.setAttribute("aria-label", `Intermediate values of ${objective.name}: ${lines.length} curves, ${lines.filter((one) => one.pruned).length} of them pruned${this.plot.bands.length ? ", bands at iteration " + this.plot.bands.join(", ") : ""}`);
    this.note.textContent = lines.length ? `By iteration: how often ${objective.name} was logged. Drawn: ${this.told}. × where a trial was stopped.` : this.curves.whole(this.metric) ? noCurves(model, objective.name) : "";
    this.bright();
  }

  showWhys() {
    const { trials } = this.model, pruned = trials.number.filter((at) => trials.status[at] === "pruned"), bands = new Map();
    const key = pruned.length + " " + pruned[pruned.length - 1];
    if (key === this.whysKey) return;
    this.whysKey = key;
    for (const at of pruned) {
      const place = Number(trials.reason[at]?.match(/(?:at iteration|on) (\d+)/)?.[1] ?? NaN);
      bands.set(place, (bands.get(place) ?? 0) + 1);
    }
    if (!pruned.length) { this.whys.replaceChildren(...(this.model.sweep.config.early_terminate || this.model.sweep.config.pruner ? [element("div", "soft", "No trial was pruned yet.")] : [])); return; }
    const counted = [...bands].filter(([place]) => Number.isFinite(place)).sort((a, b) => a[0] - b[0]).map(([place, n]) => `${count(n)} at iteration ${place}`).join(", ");
    const table = factsTable(pruned.slice(-WHYS_SHOWN).reverse().map((at) => [`Trial ${at}`, trials.reason[at] || "no reason was kept"]));
    for (const [n, row] of [...table.rows].entries()) row.onclick = () => this.model.choose([...this.model.chosen, pruned[pruned.length - 1 - n]]);
    this.whys.replaceChildren(element("h2", "", `Pruned: ${count(pruned.length)}${counted ? " (" + counted + ")" : ""}`), table,
      ...(pruned.length > WHYS_SHOWN ? [element("div", "soft", `The last ${WHYS_SHOWN}; the table tells each one's reason: choose the status pruned.`)] : []));
  }

  bright() {
    const { pointed, trials } = this.model;
    if (this.plot.ink) this.plot.under(null, pointed === null ? null : trials.run_id[pointed]);
  }

  lines() {
    return [["trial", "run", "iteration", "mean", "min", "max"], ...this.plot.lines.flatMap((line) => Array.from(line.x, (x, at) => [line.number, line.run, x, line.mean[at], line.low[at], line.high[at]]))];
  }

  stop() {
    super.stop();
    this.curves.stop();
  }
}

// How often a value was logged up to the end of each bucket.
function iterations(curve) {
  let sum = 0;
  return curve.counts.map((n) => (sum += n));
}

// Why no curve is drawn.
function noCurves({ trials }, name) {
  return trials.status.some((word) => word === "complete") ? `No trial has logged ${name} while it went on: only its end is known.` : `No trial has logged ${name} yet.`;
}

const scatter = (number) => Math.imul(number + 1, 2654435761) >>> 0;

// Hyperband's bands up to an iteration, as weft/sweeps/hyperband.py has them.
function bandsOf(rule, reached) {
  if (!rule) return [];
  const eta = Number(rule.eta ?? 3), found = new Set(), last = Math.min(reached, rule.max_iter ?? reached);
  if (rule.min_iter) for (let k = 0, at = rule.min_iter; at <= last && k < 60; k++, at = Math.trunc(rule.min_iter * eta ** k + 1e-9)) found.add(at);
  else if (rule.max_iter) for (let i = 1; i <= (rule.s ?? 0); i++) found.add(Math.trunc(rule.max_iter / eta ** i));
  return [...found].filter((band) => band >= 1 && band <= last).sort((a, b) => a - b);
}
