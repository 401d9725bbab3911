// A sweep as its page knows it: the sweep itself, its objectives and parameters, and its trials as columns in which the
// place in each list is the trial's number. It reads what has changed while there is anybody to see it, and tells what
// was chosen and pointed at in one part of the page to the others.
const SWEEP_LIVE_MS = 1000;
const SWEEP_QUIET_MS = 5000;
const SWEEP_SLOW_MS = 10_000;
const TRIAL_COLUMNS = ["number", "status", "run_id", "agent", "host", "attempts", "reason", "known", "baseline", "started_ns", "ended_ns", "changed_ns", "lease_until_ns"];
const AT_WORK = new Set(["running", "crashed"]);

class SweepModel {
  constructor(sweepId) {
    this.id = sweepId;
    this.sweep = null;
    this.objectives = [];
    this.parameters = [];
    this.trials = { ...Object.fromEntries(TRIAL_COLUMNS.map((name) => [name, []])), params: {}, values: [] };
    this.chosen = new Set();
    this.pointed = null;
    this.error = null;
    this.newest = null;
    this.heard = { change: new Set(), choose: new Set(), point: new Set() };
    this.shown = () => { if (!document.hidden) this.read(); };
  }

  get path() { return "/api/sweeps/" + encodeURIComponent(this.id); }
  get count() { return this.trials.number.length; }
  get live() { return this.sweep?.status === "running" || this.sweep?.status === "paused" || this.trials.status.some((status) => status === "running"); }

  // The trial that the best one is held against, with what it is called: the baseline, else the first.
  get against() {
    const at = this.trials.baseline.indexOf(true);
    return at < 0 ? { at: 0, name: "first trial" } : { at, name: "baseline" };
  }

  // Each returns a function that ends the listening. `change` hears the numbers of the trials that changed (all: null).
  onChange(act) { return this.on("change", act); }
  onChoose(act) { return this.on("choose", act); }
  onPoint(act) { return this.on("point", act); }

  on(what, act) {
    this.heard[what].add(act);
    return () => this.heard[what].delete(act);
  }

  tell(what, news) { for (const act of [...this.heard[what]]) act(news); }

  choose(numbers) {
    const next = new Set(numbers);
    if (next.size === this.chosen.size && [...next].every((number) => this.chosen.has(number))) return;
    this.chosen = next;
    this.tell("choose", next);
  }

  point(number) {
    if (number === this.pointed) return;
    this.pointed = number;
    this.tell("point", number);
  }

  start() {
    this.slow = window.setTimeout(() => { if (!this.sweep && !this.error) this.tell("change", []); }, SWEEP_SLOW_MS);
    document.addEventListener("visibilitychange", this.shown);
    return this.read();
  }

  stop() {
    this.stopped = true;
    window.clearTimeout(this.timer);
    window.clearTimeout(this.slow);
    document.removeEventListener("visibilitychange", this.shown);
  }

  later() {
    window.clearTimeout(this.timer);
    if (!this.stopped) this.timer = window.setTimeout(() => this.read(), this.live ? SWEEP_LIVE_MS : SWEEP_QUIET_MS);
  }

  // What has changed since the last time; a hidden page reads nothing until it is seen again.
  async read() {
    if (this.reading || this.stopped) return;
    if (document.hidden && this.sweep) { this.later(); return; }
    this.reading = true;
    try {
      const since = this.newest === null ? "" : "?changed_after_ns=" + this.newest;
      const answer = await fetched(this.path + "/columns" + since);
      const body = await answer.json().catch(() => null);
      if (!answer.ok) throw Object.assign(new Error([body?.error?.message, body?.error?.remedy].filter(Boolean).join(" ") || "The server answered " + answer.status + "."), { status: answer.status });
      if (this.stopped) return;
      const again = this.error !== null;
      this.error = null;
      const changed = this.take(body);
      if (changed.length || this.told(body) || again) this.tell("change", since ? changed : null);
    } catch (error) {
      this.error = error;
      if (!this.stopped) this.tell("change", []);
    } finally {
      this.reading = false;
      this.later();
    }
  }

  // Whether the sweep itself has changed since the last time.
  told(body) {
    const key = JSON.stringify([body.sweep, body.objectives]), news = key !== this.key;
    this.key = key;
    return news;
  }

  // Puts an answer's trials where they belong; returns the numbers of those that differ from what was known.
  take(body) {
    const { trials } = this, fresh = body.trials, changed = [];
    const given = new Set(body.parameters.filter((one) => one.given).map((one) => one.path));
    // A parameter that left the space stays known by the trials that have it.
    const gone = new Map([...this.parameters, ...body.parameters].filter((one) => !given.has(one.path)).map((one) => [one.path, { ...one, given: false }]));
    this.sweep = body.sweep;
    this.objectives = body.objectives;
    this.parameters = [...body.parameters.filter((one) => one.given), ...gone.values()];
    if (body.newest_ns !== null && (this.newest === null || BigInt(body.newest_ns) > BigInt(this.newest))) this.newest = body.newest_ns;
    for (const { path } of this.parameters) trials.params[path] ??= new Array(this.count).fill(null);
    while (trials.values.length < Math.max(1, this.objectives.length)) trials.values.push(new Array(this.count).fill(null));
    for (let row = 0; row < fresh.number.length; row++) {
      const at = fresh.number[row];
      const same = at < this.count && trials.changed_ns[at] === fresh.changed_ns[row] && trials.status[at] === fresh.status[row] && trials.lease_until_ns[at] === fresh.lease_until_ns[row];
      if (same) continue;
      changed.push(at);
      for (const name of TRIAL_COLUMNS) trials[name][at] = fresh[name][row];
      for (const path of Object.keys(trials.params)) trials.params[path][at] = fresh.params[path]?.[row] ?? null;
      trials.values.forEach((column, objective) => { column[at] = fresh.values[objective]?.[row] ?? null; });
    }
    return changed;
  }

  // The number of the complete trial with the best value of an objective; null where there is none.
  best(objective = 0) {
    const { status } = this.trials, values = this.trials.values[objective] ?? [], less = this.objectives[objective]?.goal !== "maximize";
    let best = null;
    for (let at = 0; at < values.length; at++) {
      if (status[at] !== "complete" || values[at] === null) continue;
      if (best === null || (less ? values[at] < values[best] : values[at] > values[best])) best = at;
    }
    return best;
  }

  // Numbers of the complete trials that no other dominates: is as good in every objective and better in one.
  front() {
    const { status } = this.trials, columns = this.trials.values, signs = this.objectives.map((one) => (one.goal === "maximize" ? -1 : 1)), done = [];
    for (let at = 0; at < this.count; at++) if (status[at] === "complete" && signs.every((_, n) => columns[n][at] !== null)) done.push(at);
    const of = (at) => signs.map((sign, n) => sign * columns[n][at]), kept = [];
    const rows = done.map((at) => [at, of(at)]).sort(([, a], [, b]) => { for (let n = 0; n < a.length; n++) if (a[n] !== b[n]) return a[n] - b[n]; return 0; });
    // In this order a row is only dominated by rows before it.
    for (const [at, row] of rows) if (!kept.some(([, other]) => other.every((value, n) => value <= row[n]) && other.some((value, n) => value < row[n]))) kept.push([at, row]);
    return kept.map(([at]) => at).sort((a, b) => a - b);
  }

  // Numbers of complete trials from the best to the worst in an objective, `most` at most.
  ranked(objective = 0, most = Infinity) {
    const { status } = this.trials, values = this.trials.values[objective] ?? [], sign = this.objectives[objective]?.goal === "maximize" ? -1 : 1;
    const done = [];
    for (let at = 0; at < values.length; at++) if (status[at] === "complete" && values[at] !== null) done.push(at);
    return done.sort((a, b) => sign * (values[a] - values[b]) || a - b).slice(0, most);
  }
}
