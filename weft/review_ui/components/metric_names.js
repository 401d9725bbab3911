// Which metrics some runs have, and the sections they stand in; asked for again while runs go on: validation begins late.
const NAMES_AT_ONCE = 5000;
const NAMES_AGAIN_MS = 1500;
const NAMES_SHARE = 20;  // of its time at most one part in so many goes into asking for names
const FOLDED = "system";

const prefixOf = (name) => (name.includes("/") ? name.slice(0, name.indexOf("/")) : "");

class MetricNames {
  // `changed()` is called when there are others than before; `within`: what all names begin with.
  constructor(changed, wrong, within = "") {
    Object.assign(this, { changed, wrong, within });
    this.runs = new Map();  // name -> how many of the runs have it
    this.ids = [];
    this.text = "";
    this.turn = 0;
  }

  // Whether they are known already.
  show(ids, text, live) {
    const key = JSON.stringify([ids, text]), known = key === this.key;
    this.live = live;
    if (!known) { Object.assign(this, { key, ids, text }); this.read(null); }
    this.later();
    return known;
  }

  more() { return this.read(this.after); }

  async read(cursor, again = false) {
    const began = performance.now(), turn = again ? this.turn : (this.turn += 1), text = this.text || this.within;
    const query = new URLSearchParams({ limit: NAMES_AT_ONCE, ...(text ? { text } : {}), ...(cursor ? { cursor } : {}) });
    for (const id of this.ids) query.append("run_id", id);
    try {
      const page = this.ids.length ? await ask("/api/series/names?" + query) : { items: [], cursor: null };
      if (turn !== this.turn) return;
      const found = page.items.filter(({ name }) => name.startsWith(this.within)).map(({ name, runs }) => [name, plainNumber(runs)]), before = this.runs.size;
      const all = new Map(again || cursor ? [...this.runs, ...found] : found);
      this.runs = again && all.size > before ? new Map([...all].sort(([a], [b]) => (a < b ? -1 : 1))) : all;
      if (!again) this.after = page.cursor;
      this.wrong(null);
      if (!again || all.size > before) this.changed();
    } catch (error) { if (turn === this.turn) this.wrong(error); }
    this.cost = performance.now() - began;
  }

  later() {
    window.clearTimeout(this.timer);
    if (this.live && !this.stopped) this.timer = window.setTimeout(async () => { if (!document.hidden) await this.read(null, true); this.later(); }, Math.max(NAMES_AGAIN_MS, NAMES_SHARE * (this.cost || 0)));
  }

  // Names by section: those without a prefix or alone with theirs, prefixes that half of the runs have, other ones, the machine.
  sections(kept) {
    const found = new Map();
    for (const name of this.runs.keys()) {
      const prefix = prefixOf(name);
      if (kept(name)) found.set(prefix, [...(found.get(prefix) ?? []), name]);
    }
    const alone = [...found].filter(([prefix, names]) => prefix === "" || (names.length === 1 && prefix !== FOLDED)), plain = alone.flatMap(([, names]) => names).sort();
    for (const [prefix] of alone) found.delete(prefix);
    const often = (names) => names.some((name) => 2 * this.runs.get(name) >= this.ids.length), rank = ([prefix, names]) => (prefix === FOLDED ? 2 : often(names) ? 0 : 1);
    return new Map([...(plain.length ? [["", plain]] : []), ...[...found].sort((a, b) => rank(a) - rank(b))].map(([prefix, names]) => ["of " + prefix, names]));
  }

  stop() {
    this.stopped = true;
    window.clearTimeout(this.timer);
  }
}
