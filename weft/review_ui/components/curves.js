// Curves of runs as the API sends them: a line of JSON, then arrays. What panels in sight ask for in the same moment goes
// out together; what was read stays until what is asked for changes; of runs that go on, what is new is asked for.
const CURVES_AT_ONCE = 200;  // small answers: the first panels are drawn while the next are read
const REQUESTS_AT_ONCE = 3;
const NAMES_KEPT = 300;
const LIVE_MS = 400;

function decodeCurves(buffer) {
  const end = new Uint8Array(buffer).indexOf(10) + 1;  // a multiple of eight: the arrays are read where they lie
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 0, end)));
  let at = end;
  const take = (length) => { const part = new Float64Array(buffer, at, length); at += 8 * length; return part; };
  const curves = head.curves.map(({ run_id, name, source, buckets: n }) => ({
    run: run_id, name, source, x: take(n), low: take(n), high: take(n), mean: take(n), last: take(n), counts: take(n) }));
  return { curves, newest: head.newest };
}

async function askCurves(body, signal) {
  const answer = await fetch("/api/curves", { method: "POST", credentials: "same-origin", signal,
    headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (answer.ok) return decodeCurves(await answer.arrayBuffer());
  let told = null;
  try { told = (await answer.json()).error; } catch { /* an answer that is no JSON is told by its status */ }
  throw new Error(told ? [told.message, told.remedy].filter(Boolean).join(" ") : "The server answered " + answer.status + ".");
}

class Curves {
  // `changed(names)` is called when curves of these names have come; `wrong(error)` when they did not, null when again.
  constructor(changed, wrong) {
    this.changed = changed;
    this.wrong = wrong;
    this.runs = [];
    this.live = new Set();
    this.axisOf = () => "step";
    this.bucketsOf = () => 300;
    this.view = { first: null, last: null };
    this.known = new Map();  // name -> run -> curves
    this.stale = new Map();  // the same of the view before, drawn until its successor has come
    this.wanted = new Set();
    this.inSight = new Set();
    this.running = 0;
    this.newest = null;
    this.abort = new AbortController();
  }

  // Runs in the order in which they are drawn, those that go on, what is asked for of each, and of which name at first.
  show(runs, live, view, first) {
    for (const run of this.live) if (!live.includes(run)) this.forget(run);
    this.runs = runs;
    this.live = new Set(live);
    if (JSON.stringify(view) !== JSON.stringify(this.view)) {
      this.view = view;
      this.abort.abort();
      this.abort = new AbortController();
      for (const [name, of] of this.known) this.stale.set(name, of);
      this.known = new Map();
      this.newest = null;
    }
    for (const name of [...(first ? [first] : []), ...this.inSight]) if (this.inSight.has(name)) this.wanted.add(name);
    this.soon();
    this.poll();
  }

  // A run that has ended is read once more, so that its last points are there.
  forget(run) {
    for (const [name, of] of this.known) {
      if (!of.has(run)) continue;
      if (!this.stale.has(name)) this.stale.set(name, new Map());
      this.stale.get(name).set(run, of.get(run));
      of.delete(run);
    }
  }

  see(name) { this.inSight.add(name); this.wanted.add(name); this.soon(); }

  unsee(name) {
    this.inSight.delete(name);
    this.wanted.delete(name);
    if (this.known.size > NAMES_KEPT) { this.known.delete(name); this.stale.delete(name); }
  }

  of(name) {
    const known = this.known.get(name), stale = this.stale.get(name);
    return this.runs.flatMap((run) => known?.get(run) ?? stale?.get(run) ?? []);
  }

  // Whether all that is asked for under this name has come.
  whole(name) {
    const known = this.known.get(name);
    return this.runs.every((run) => known?.has(run));
  }

  soon() {
    if (this.due) return;
    this.due = true;
    queueMicrotask(() => { this.due = false; this.go(); });
  }

  // Names that lack the same runs are asked for together.
  go() {
    if (this.running >= REQUESTS_AT_ONCE || !this.runs.length) return;
    const batches = new Map();
    for (const name of this.wanted) {
      const known = this.known.get(name), missing = this.runs.filter((run) => !known?.has(run));
      if (!missing.length) { this.wanted.delete(name); continue; }
      const x = this.axisOf(name), buckets = this.bucketsOf(name), key = [x, buckets, missing].join("\0");
      if (!batches.has(key)) batches.set(key, { runs: missing, x, buckets, names: [] });
      batches.get(key).names.push(name);
    }
    for (const { runs, x, buckets, names } of batches.values()) {
      const most = Math.max(1, Math.floor(CURVES_AT_ONCE / runs.length));
      for (let at = 0; at < names.length && this.running < REQUESTS_AT_ONCE; at += most) this.load(runs, names.slice(at, at + most), { x, buckets });
      if (this.running >= REQUESTS_AT_ONCE) return;
    }
  }

  async load(runs, names, shape) {
    names.forEach((name) => this.wanted.delete(name));
    this.running += 1;
    const { view, abort } = this;
    try {
      const { curves, newest } = await askCurves({ run_ids: runs, names, first: view.first, last: view.last, ...shape }, abort.signal);
      if (view !== this.view) return;
      for (const name of names) for (const run of runs) this.put(name, run, []);
      for (const curve of curves) this.known.get(curve.name).get(curve.run).push(curve);
      this.newest = this.newest ?? newest;  // the first of a view: what came with later ones comes once more
      for (const name of names) if (this.whole(name)) this.stale.delete(name);
      this.wrong(null);
      this.changed(names);
    } catch (error) {
      if (error.name !== "AbortError") this.wrong(error);
    } finally {
      this.running -= 1;
      this.soon();
    }
  }

  put(name, run, curves) {
    if (!this.known.has(name)) this.known.set(name, new Map());
    this.known.get(name).set(run, curves);
  }

  poll() {
    window.clearTimeout(this.timer);
    if (this.live.size && !this.stopped) this.timer = window.setTimeout(() => this.refresh(), LIVE_MS);
  }

  // The curves that have grown since, whole: their buckets are others now.
  async refresh() {
    const names = [...this.inSight].filter((name) => this.known.has(name)), { view } = this;
    const shapes = new Map();
    for (const name of names) {
      const shape = { x: this.axisOf(name), buckets: this.bucketsOf(name) }, key = JSON.stringify(shape);
      if (!shapes.has(key)) shapes.set(key, { ...shape, names: [] });
      shapes.get(key).names.push(name);
    }
    try {
      if (names.length && this.newest !== null && !document.hidden) {
        const runs = [...this.live].filter((run) => this.runs.includes(run));
        const since = this.newest, answers = await Promise.all([...shapes.values()].map((shape) =>
          askCurves({ run_ids: runs, first: view.first, last: view.last, ...shape, since }, this.abort.signal)));
        const curves = answers.flatMap((answer) => answer.curves);
        if (view === this.view) this.newest = answers[0].newest;
        if (view === this.view && curves.length) {
          const fresh = new Map();
          for (const curve of curves) {
            const key = curve.name + "\0" + curve.run;
            if (!fresh.has(key)) fresh.set(key, []);
            fresh.get(key).push(curve);
          }
          for (const part of fresh.values()) this.merge(part);
          this.changed([...new Set(curves.map((curve) => curve.name))]);
        }
        this.wrong(null);
      }
    } catch (error) {
      if (error.name !== "AbortError") this.wrong(error);
    }
    this.poll();
  }

  // One rank of a run may have grown alone; the others' curves stay.
  merge(part) {
    const { name, run } = part[0], sources = new Set(part.map((curve) => curve.source));
    const rest = (this.known.get(name)?.get(run) ?? []).filter((curve) => !sources.has(curve.source));
    this.put(name, run, [...rest, ...part].sort((a, b) => (a.source < b.source ? -1 : 1)));
  }

  stop() {
    this.stopped = true;
    window.clearTimeout(this.timer);
    this.abort.abort();
  }
}
