// The search space: what each parameter may be, and where the tried values lie in it; the best ones are marked.
const SPACE_BINS = 48;
const SPACE_BEST = 10;
const SPACE_WORDS = 12;

class SearchSpace {
  constructor(host, model) {
    Object.assign(this, { host, model });
    this.node = element("section", "space-rows");
    this.note = element("div", "soft");
    host.append(this.node);
    this.rows = new Map();
    this.listens = [model.onChange(() => this.soon()), model.onChoose(() => this.soon()), model.onPoint(() => this.soon())];
    this.sized = new ResizeObserver(() => this.soon());
    this.sized.observe(this.node);
  }

  soon() {
    if (this.due) return;
    this.due = window.requestAnimationFrame(() => { this.due = 0; this.update(); });
  }

  update() {
    const { model } = this;
    if (!model.sweep) return;
    const key = JSON.stringify(model.parameters);
    if (key !== this.key) {
      this.key = key;
      this.rows = new Map(model.parameters.map((one) => [one.path, this.row(one)]));
      this.node.replaceChildren(this.note, ...[...this.rows.values()].map(({ node }) => node));
      if (!model.parameters.length) this.node.replaceChildren(element("div", "soft", "The sweep has no parameters."));
    }
    const best = new Set(model.ranked(0, SPACE_BEST)), ink = sweepInk(this.host);
    this.note.textContent = !model.count ? "No trial has begun yet." : `Where the tried values lie${best.size ? `; ★ the ${best.size === 1 ? "best" : best.size + " best"}` : ""}. Bars: how many trials.`;
    for (const one of model.parameters) {
      const { canvas, facts } = this.rows.get(one.path), values = model.trials.params[one.path] ?? [];
      const tried = values.reduce((sum, value) => sum + (value !== null), 0);
      facts.textContent = `${count(tried)} tried`;
      if (canvas) this.draw(canvas, one, values, best, ink);
    }
  }

  row(one) {
    const node = element("div", "space-row" + (one.given ? "" : " gone")), head = element("div", "space-head"), facts = element("span", "soft");
    const name = element("span", "space-name", one.path);
    name.title = one.path;
    head.append(name, element("span", "space-words", parameterWords(one)), facts);
    node.append(head);
    const when = whenWords(one);
    if (when) node.append(element("div", "soft", when));
    if (one.kind === "constant") return { node, canvas: null, facts };
    const canvas = element("canvas", "space-strip");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `Tried values of ${one.path}`);
    node.append(canvas);
    return { node, canvas, facts };
  }

  // Where a value lies on the strip, from 0 to 1; null where it is none of this parameter's.
  placer(one, values) {
    if (one.kind === "category") {
      const words = one.values.map((value) => JSON.stringify(value)), extra = [...new Set(values.filter((value) => value !== null).map((value) => JSON.stringify(value)))].filter((word) => !words.includes(word));
      const all = [...words, ...extra], where = new Map(all.map((word, at) => [word, (at + 0.5) / all.length]));
      return { at: (value) => where.get(JSON.stringify(value)) ?? null, words: [...one.values.map(paramText), ...extra], bins: all.length };
    }
    let low = one.min, high = one.max;
    for (const value of values) if (typeof value === "number") { if (value < low) low = value; if (value > high) high = value; }
    const log = one.kind === "log" && low > 0, [from, to] = log ? [Math.log(low), Math.log(high)] : [low, high];
    const whole = one.kind === "integer" && high - low < SPACE_BINS, bins = whole ? high - low + 1 : SPACE_BINS;
    const at = (value) => {
      if (typeof value !== "number") return null;
      if (whole) return (value - low + 0.5) / bins;
      return to === from ? 0.5 : ((log ? Math.log(value) : value) - from) / (to - from);
    };
    return { at, bins, ticks: [[0, low], [0.5, log ? Math.exp((from + to) / 2) : whole ? null : (from + to) / 2], [1, high]] };
  }

  draw(canvas, one, values, best, ink) {
    const ratio = window.devicePixelRatio || 1, wide = canvas.clientWidth, tall = canvas.clientHeight;
    if (!wide) return;
    canvas.width = wide * ratio;
    canvas.height = tall * ratio;
    const pen = canvas.getContext("2d"), { at, bins, words, ticks } = this.placer(one, values), foot = tall - 16, bars = new Float64Array(bins);
    pen.scale(ratio, ratio);
    const bin = (share) => Math.min(bins - 1, Math.max(0, Math.floor(share * bins))), room = words || bins < SPACE_BINS ? 3 : 1;
    for (const value of values) {
      const share = value === null ? null : at(value);
      if (share !== null) bars[bin(share)]++;
    }
    const most = Math.max(1, ...bars);
    pen.fillStyle = ink.blue;
    pen.globalAlpha = 0.45;
    bars.forEach((n, b) => {
      const high = n ? Math.max(2, (n / most) * (foot - 14)) : 0;
      pen.fillRect((b / bins) * wide + room / 2, foot - high, wide / bins - room, high);
    });
    pen.globalAlpha = 1;
    pen.fillStyle = ink.soft;
    pen.fillRect(0, foot, wide, 1);
    this.marks(pen, values, at, best, ink, wide, foot);
    pen.font = "11px " + ink.font;
    pen.fillStyle = ink.soft;
    pen.textBaseline = "top";
    if (words) {
      pen.textAlign = "center";
      if (words.length <= SPACE_WORDS) words.forEach((word, n) => pen.fillText(word.slice(0, Math.max(2, Math.floor(wide / words.length / 6.5))), ((n + 0.5) / words.length) * wide, foot + 4));
    } else for (const [share, value] of ticks) {
      pen.textAlign = share === 0 ? "left" : share === 1 ? "right" : "center";
      if (value !== null) pen.fillText(shortNumber(Number(value.toPrecision(3))), share * wide, foot + 4);
    }
  }

  // Of values that fall together each best one is a mark of its own, a little aside.
  marks(pen, values, at, best, ink, wide, foot) {
    const { chosen, pointed } = this.model, mark = (number, colour, high, thick) => {
      const share = values[number] === null || values[number] === undefined ? null : at(values[number]);
      if (share === null) return;
      pen.fillStyle = colour;
      pen.fillRect(Math.min(wide - thick, Math.max(0, share * wide - thick / 2)), foot - high, thick, high);
    };
    for (const number of chosen) mark(number, ink.soft, foot - 8, 1);
    const stacks = new Map();
    pen.fillStyle = ink.warm;
    pen.font = "10px " + ink.font;
    pen.textAlign = "center";
    pen.textBaseline = "top";
    for (const number of best) {
      const share = values[number] === null || values[number] === undefined ? null : at(values[number]);
      if (share === null) continue;
      const slot = Math.round(share * 60), n = stacks.get(slot) ?? 0;
      stacks.set(slot, n + 1);
      pen.fillText("★", Math.min(wide - 5, Math.max(5, share * wide + (n % 2 ? 1 : -1) * Math.ceil(n / 2) * 7)), 0);
      mark(number, ink.warm, foot - 11, 1);
      pen.fillStyle = ink.warm;
    }
    if (pointed !== null) mark(pointed, ink.ink, foot, 2);
  }

  stop() {
    for (const end of this.listens) end();
    window.cancelAnimationFrame(this.due);
    this.sized.disconnect();
    this.node.remove();
  }
}
