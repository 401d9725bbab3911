// The rows of a trace that came so far, in tree order, and which of them are folded away. Rows come in windows; a place
// that has not come yet is asked for when it is wanted.
const WINDOW = 200;
const COLUMNS = ["id", "depth", "parent", "below", "name", "kind", "status", "start", "length", "tokens", "cost", "errors", "model"];

class Outline {
  constructor(path, query, changed) {
    this.path = path;
    this.query = query;
    this.changed = changed;
    this.rows = [];
    this.places = new Map();
    this.asked = new Set();
    this.folded = new Set();
    this.head = null;
    this.hidden = [];
  }

  async load(extra) {
    const answer = await ask(this.path + "/outline?" + new URLSearchParams({ ...this.query, count: WINDOW, ...extra }));
    const grown = this.head && this.head.spans !== answer.spans;
    if (grown) { this.rows = []; this.places.clear(); this.asked.clear(); }
    this.head = answer;
    answer.rows.forEach((values, offset) => {
      const row = Object.fromEntries(COLUMNS.map((name, at) => [name, plainNumber(values[at])]));
      row.at = answer.first + offset;
      this.rows[row.at] = row;
      this.places.set(row.id, row.at);
    });
    if (grown && this.folded.size) this.folded.clear();
    this.list();
    return answer;
  }

  // The row at a place; where it has not come, its window is asked for.
  row(at) {
    if (!this.rows[at] && at >= 0 && at < this.size) this.want(Math.floor(at / WINDOW) * WINDOW);
    return this.rows[at];
  }

  async reach(at) {
    if (!this.rows[at]) await this.want(Math.floor(at / WINDOW) * WINDOW);
    return this.rows[at];
  }

  want(first) {
    if (!this.asked.has(first)) {
      this.asked.add(first);
      this.coming = this.load({ first }).then(() => this.changed(), () => { this.asked.delete(first); });
    }
    return this.coming;
  }

  get size() { return this.head ? this.head.spans : 0; }

  // Which stretches of places are hidden below folded rows, in order and apart from each other.
  list() {
    this.hidden = [];
    let end = -1;
    for (const at of [...this.folded].sort((a, b) => a - b)) {
      const row = this.rows[at];
      if (at <= end || !row || !row.below) continue;
      end = at + row.below;
      this.hidden.push([at + 1, row.below]);
    }
  }

  get shown() { return this.hidden.reduce((left, [, count]) => left - count, this.size); }

  // The place of the row that is drawn in a line, and the line of a place (-1 where it is folded away).
  place(line) {
    let at = line;
    for (const [first, count] of this.hidden) if (at >= first) at += count; else break;
    return at;
  }

  line(at) {
    let line = at;
    for (const [first, count] of this.hidden) {
      if (at < first) break;
      if (at < first + count) return -1;
      line -= count;
    }
    return line;
  }

  fold(at, folded) {
    folded ? this.folded.add(at) : this.folded.delete(at);
    this.list();
  }

  // Unfold what hides a place.
  reveal(at) {
    for (const folded of [...this.folded]) {
      const row = this.rows[folded];
      if (row && at > folded && at <= folded + row.below) this.folded.delete(folded);
    }
    this.list();
  }
}
