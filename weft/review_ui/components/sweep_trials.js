// The trials of a sweep as charts need them: an axis a parameter and an objective, a share a trial, what is good.
const ENDED = new Set(["complete", "pruned"]);
const BAD_END = 0.9;  // the colour of what is bad is reached where so many of the trials are better

class SweepTrials {
  constructor(model) {
    this.model = model;
    const { trials } = model;
    this.count = trials.number.length;
    this.objectives = model.objectives.map((objective, at) => this.objective(objective, trials.values[at] ?? []));
    this.parameters = model.parameters.filter((one) => one.kind !== "constant").map((one) => this.parameter(one, trials.params[one.path] ?? []));
    this.parameters = this.parameters.filter((axis) => axis.known);
  }

  objective({ name, goal }, given) {
    const values = new Float64Array(this.count).fill(NaN);
    for (let row = 0; row < this.count; row++) {
      const value = numeric(given[row] ?? null);
      if (ENDED.has(this.model.trials.status[row]) && Number.isFinite(value) && value !== null) values[row] = value;
    }
    const known = values.filter(Number.isFinite), scale = scaleOf([...known]);
    const shares = new Float32Array(this.count).fill(NaN);
    for (let row = 0; row < this.count; row++) if (!Number.isNaN(values[row])) shares[row] = scale.at(values[row]) ?? NaN;
    const axis = { name, title: `${name} ${goal === "maximize" ? "↑" : "↓"}`, goal: goal || "minimize", values, scale, shares, known: known.length };
    axis.best = this.bestOf(axis);
    return axis;
  }

  bestOf({ values, goal }) {
    let best = null;
    for (let row = 0; row < this.count; row++) {
      if (this.model.trials.status[row] !== "complete" || Number.isNaN(values[row])) continue;
      if (best === null || (goal === "maximize" ? values[row] > values[best] : values[row] < values[best])) best = row;
    }
    return best;
  }

  parameter(given, found) {
    const { path, kind, when } = given, always = !when || !Object.keys(when).length;
    const values = Array.from({ length: this.count }, (_, row) => found[row] ?? null), known = values.filter((value) => value !== null);
    const nullable = always && kind === "category" && (given.values ?? []).some((value) => value === null);
    const scale = this.scaleFor(given, known, nullable);
    const at = nullable ? (value) => scale.places.get(plainText(value)) ?? NaN : (value) => (value === null ? ABSENT : scale.at(value) ?? NaN);
    const shares = Float32Array.from(values, at);
    return { name: path, title: path + (scale.log ? " (log)" : ""), path, kind, values, scale, shares, known: nullable ? this.count : known.length };
  }

  scaleFor({ kind, min, max, values = [] }, known, nullable) {
    const numbers = known.map(numeric);
    if (kind === "category" || numbers.some((value) => value === null)) {
      const all = [...values, ...known].filter((value) => nullable || value !== null);
      return new WordScale([...new Set(all.map(plainText))]);
    }
    let [low, high] = [min, max].map((end) => numeric(end ?? null));
    low ??= Infinity; high ??= -Infinity;
    for (const value of numbers) if (Number.isFinite(value)) { if (value < low) low = value; if (value > high) high = value; }
    return new NumberScale(low, high, { log: kind === "log", whole: kind === "integer" });
  }

  axis(name) { return this.parameters.find((one) => one.name === name) ?? this.objectives.find((one) => one.name === name) ?? null; }

  // Trials that have a value of an objective.
  known(at) { return [...this.objectives[at].values.keys()].filter((row) => !Number.isNaN(this.objectives[at].values[row])); }

  pruned(row) { return this.model.trials.status[row] === "pruned"; }

  // How good a share of an objective's axis is, from 0 to 1: linear from where BAD_END of the trials are better to the best.
  goodness(at) {
    const axis = this.objectives[at], { status } = this.model.trials, there = (share) => !Number.isNaN(share);
    const done = axis.shares.filter((share, row) => there(share) && status[row] === "complete"), known = (done.length ? done : axis.shares.filter(there)).sort(), down = axis.goal === "minimize";
    const best = down ? known[0] : known[known.length - 1], bad = known[Math.min(known.length - 1, Math.floor(known.length * (down ? BAD_END : 1 - BAD_END)))];
    const good = (share) => (best === bad ? 1 : Math.min(1, Math.max(0, (share - bad) / (best - bad))));
    return Object.assign(good, { from: axis.scale.back(bad), to: axis.scale.back(best) });
  }

  // A shade a trial, by an objective.
  shades(at) {
    const good = this.objectives[at]?.known ? this.goodness(at) : () => 0, shares = this.objectives[at]?.shares;
    return Uint8Array.from({ length: this.count }, (_, row) => (shares && !Number.isNaN(shares[row]) ? shadeAt(good(shares[row])) : 0));
  }

  // What a readout says of a trial.
  lines(row) {
    const { trials } = this.model;
    return [`Trial ${trials.number[row]} · ${trials.status[row]}${trials.known?.[row] ? ", known before" : ""}`,
      ...this.objectives.filter((axis) => !Number.isNaN(axis.values[row])).map((axis) => [axis.name, figure(axis.values[row])]),
      ...this.parameters.map((axis) => [axis.name, this.valueText(axis, row)])];
  }

  valueText(axis, row) {
    const value = axis.values[row];
    if (axis.shares[row] === Math.fround(ABSENT)) return "absent";
    return axis.scale.words ? plainText(value) : figure(value);
  }

  number(row) { return this.model.trials.number[row]; }
  row(number) { return this.model.trials.number[number] === number ? number : this.model.trials.number.indexOf(number); }

  // Trials as rows of a file.
  table(rows) {
    const axes = [...this.parameters, ...this.objectives], { trials } = this.model;
    return [["trial", "status", ...axes.map((axis) => axis.name)], ...rows.map((row) => [trials.number[row], trials.status[row],
      ...axes.map((axis) => { const value = axis.values[row]; return value instanceof Exact ? plainNumber(value) : typeof value === "object" && value !== null ? plainText(value) : Number.isNaN(value) ? "" : value; })])];
  }
}
