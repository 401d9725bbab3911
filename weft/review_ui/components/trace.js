// One trace: tree and waterfall at the left, of which only the rows in sight are in the page, the chosen span at the
// right. What is chosen and what it is compared with stand in the address.
const ROW = 28;
const SPARE = 12;
const LIVE_MS = 3000;
const MARK = "weft-compare";
const SIGNS = { error: "▲", running: "◐", interrupted: "◇" };

class TracePage {
  constructor(root, data) {
    this.root = root;
    this.data = data;
    this.path = "/api/traces/" + encodeURIComponent(data.trace);
    this.query = data.blind ? { verdicts: "false" } : {};
    this.outline = new Outline(this.path, this.query, () => this.paint());
    this.at = -1;
    this.zoom = null;
    this.hits = null;
    this.spans = new Map();
    this.folds = new Map();
    this.raw = new Set();
    this.frees = [];
    this.context = {};
    this.sideways = false;
    this.build();
  }

  build() {
    this.scroll = element("div", "scroll");
    this.scroll.tabIndex = 0;
    this.scroll.setAttribute("role", "tree");
    this.scroll.setAttribute("aria-label", "Spans");
    this.canvas = element("div", "canvas");
    this.scroll.append(this.canvas);
    this.scroll.addEventListener("scroll", () => this.paint(), { passive: true });
    this.axis = element("div", "axis");
    this.bar = element("div", "topbar");
    this.search = element("input", "search");
    this.search.type = "search";
    this.search.placeholder = "Search names, inputs, outputs";
    this.search.setAttribute("aria-label", "Search in this trace");
    this.search.oninput = () => { window.clearTimeout(this.typed); this.typed = window.setTimeout(() => this.find(), 200); };
    this.search.onkeydown = (event) => {
      if (event.key === "Enter") { window.clearTimeout(this.typed); this.find().then(() => this.hop(this.hits, event.shiftKey ? -1 : 1)); }
    };
    this.found = element("span", "found");
    this.found.setAttribute("role", "status");
    this.wrong = button("", "The next error (e)", () => this.hop(this.outline.head.errors, 1), "errors");
    this.bar.append(this.search, this.found, this.wrong);
    this.left = element("div", "left");
    this.left.append(this.bar, this.axis, this.scroll);
    this.right = element("div", "right");
    this.right.tabIndex = -1;
    const panes = element("div", "panes");
    panes.append(this.left, this.right);
    this.root.replaceChildren(panes);
  }

  async open() {
    const wanted = new URLSearchParams(window.location.search).get("span");
    try {
      const answer = await this.outline.load({ span: wanted || "" });  // none: around the one to look at first
      this.at = answer.at ?? answer.culprit;
      await this.outline.reach(this.at);
      this.fit();
      this.paint();
      this.scroll.scrollTop = Math.max(0, this.at * ROW - this.scroll.clientHeight / 2);
      this.paint();
      performance.mark("weft-first-rows");
      this.show();
    } catch (error) {
      this.left.replaceChildren(element("div", "failure bad", error.message));
      return;
    }
    const errors = this.outline.head.errors.length;
    this.wrong.textContent = "▲ " + count(errors) + (errors === 1 ? " error" : " errors");
    this.wrong.hidden = !errors;
    if (this.outline.head.open) this.follow();
  }

  // A trace that still runs is read again now and then; what is chosen and where one has scrolled stay.
  follow() {
    this.live = window.setInterval(async () => {
      const first = Math.floor(this.outline.place(Math.floor(this.scroll.scrollTop / ROW)) / WINDOW) * WINDOW;
      this.outline.asked.clear();
      const id = this.chosen && this.chosen.id;
      try {
        const answer = await this.outline.load({ first });
        if (this.outline.places.has(id)) this.at = this.outline.places.get(id);
        if (!answer.open) window.clearInterval(this.live);
        this.paint();
      } catch { /* the next turn asks again */ }
    }, LIVE_MS);
  }

  fit() {
    const narrow = this.root.clientWidth < 860;
    const top = this.root.getBoundingClientRect().top + window.scrollY;
    const tall = Math.max(360, window.innerHeight - Math.min(top, 240) - 24);
    this.root.style.setProperty("--tall", (narrow ? Math.min(tall, 340) : tall) + "px");
  }

  get chosen() { return this.outline.rows[this.at]; }

  address(row) {
    const parameters = new URLSearchParams(window.location.search);
    parameters.set("span", row.id);
    return window.location.pathname + "?" + parameters;
  }

  // Choose a row; by key the address is replaced, so that the way back does not lead through every row.
  async choose(at, byKey) {
    const row = await this.outline.reach(at);
    if (!row) return;
    this.at = at;
    this.outline.reveal(at);
    window.history[byKey ? "replaceState" : "pushState"](window.history.state, "", this.address(row));
    this.canvas.style.height = this.outline.shown * ROW + "px";  // first, so that there is where to scroll to
    const line = this.outline.line(at), view = this.scroll;
    if (line * ROW < view.scrollTop) view.scrollTop = line * ROW;
    if ((line + 1) * ROW > view.scrollTop + view.clientHeight) view.scrollTop = (line + 1) * ROW - view.clientHeight;
    this.paint();
    this.show(byKey);
  }

  async span(trace, id) {
    const key = trace + " " + id;
    if (!this.spans.has(key)) {
      if (this.spans.size > 40) this.spans.clear();
      this.spans.set(key, await ask("/api/traces/" + encodeURIComponent(trace) + "/spans/" + encodeURIComponent(id)));
    }
    return this.spans.get(key);
  }

  // The chosen span at the right; while keys repeat only the last one is read.
  show(soon) {
    window.clearTimeout(this.showing);
    this.showing = window.setTimeout(() => this.showNow().catch((error) => this.fill(element("div", "failure bad", error.message))), soon ? 70 : 0);
  }

  async showNow() {
    const row = this.chosen;
    if (!row) return;
    if (row.length === null) this.spans.delete(this.data.trace + " " + row.id);
    const other = this.against();
    const busy = window.setTimeout(() => this.root.classList.add("busy"), 150);
    try {
      const span = await this.span(this.data.trace, row.id);
      const base = other && (other.trace !== this.data.trace || other.span !== row.id) ? await this.span(other.trace, other.span) : null;
      if (this.chosen !== row) return;
      this.frees.splice(0).forEach((free) => free());
      this.context = { project: span.project, blind: this.data.blind, folds: this.folds, raw: this.raw, frees: this.frees };
      this.fill(...(base ? this.difference(base, span) : [this.banner(), spanNode(span, row, this.context)]));
    } finally {
      window.clearTimeout(busy);
      this.root.classList.remove("busy");
    }
  }

  fill(...nodes) {
    this.right.replaceChildren(...nodes.filter(Boolean));
    this.right.scrollTop = 0;
  }

  against() {
    const parameters = new URLSearchParams(window.location.search);
    const span = parameters.get("against");
    return span ? { span, trace: parameters.get("against_trace") || this.data.trace } : null;
  }

  marked() {
    try { return JSON.parse(window.sessionStorage.getItem(MARK)); } catch { return null; }
  }

  // The span that was put aside for a comparison, until another one is chosen to stand beside it.
  banner() {
    const mark = this.marked();
    if (!mark || this.data.blind) return null;
    const node = element("div", "banner");
    const same = mark.trace === this.data.trace && this.chosen && mark.span === this.chosen.id;
    node.append(same ? "Choose the span to compare this one with, then press d." : "Compare with " + mark.name + (mark.trace === this.data.trace ? "" : " of another trace") + "?");
    if (!same) node.append(button("Compare", "d", () => this.compare()));
    node.append(button("Forget it", "", () => { window.sessionStorage.removeItem(MARK); this.show(); }, "quiet"));
    return node;
  }

  compare() {
    const row = this.chosen, mark = this.marked();
    if (!row || this.data.blind) return;
    if (this.against()) { this.endCompare(); return; }
    if (!mark) {
      window.sessionStorage.setItem(MARK, JSON.stringify({ trace: this.data.trace, span: row.id, name: row.name }));
    } else if (mark.trace === this.data.trace && mark.span === row.id) {
      window.sessionStorage.removeItem(MARK);
    } else {
      const parameters = new URLSearchParams(window.location.search);
      parameters.set("span", row.id);
      parameters.set("against", mark.span);
      if (mark.trace !== this.data.trace) parameters.set("against_trace", mark.trace);
      window.history.pushState(window.history.state, "", window.location.pathname + "?" + parameters);
    }
    this.show();
    this.paint();
  }

  endCompare() {
    const parameters = new URLSearchParams(window.location.search);
    parameters.delete("against");
    parameters.delete("against_trace");
    window.sessionStorage.removeItem(MARK);
    window.history.pushState(window.history.state, "", window.location.pathname + "?" + parameters);
    this.side(false);
    this.show();
    this.paint();
  }

  side(on) {
    this.sideways = on;
    this.root.classList.toggle("sideways", on);
    this.fit();
    this.paint();
  }

  difference(base, span) {
    const head = element("div", "head");
    head.append(element("h1", "", base.name + " and " + span.name));
    const row = element("div", "buttons");
    row.append(
      button(this.sideways ? "One column" : "Side by side", "x", () => { this.side(!this.sideways); this.show(); }),
      button("End comparison", "d or esc", () => this.endCompare(), "quiet"));
    const box = element("div", "comparison");
    box.append(...comparison(base, span, this.sideways));
    return [head, row, box];
  }

  async find() {
    const text = this.search.value.trim();
    if (!text) { this.hits = null; this.found.textContent = ""; this.paint(); return; }
    if (this.sought === text && this.hits) return;
    this.sought = text;
    const { places } = await ask(this.path + "/find?" + new URLSearchParams({ ...this.query, text }));
    if (this.search.value.trim() !== text) return;
    this.hits = places;
    this.tell();
    this.paint();
  }

  tell() {
    if (!this.hits) return;
    const at = this.hits.indexOf(this.at);
    this.found.textContent = !this.hits.length ? "not found" : (at < 0 ? "" : count(at + 1) + " of ") + count(this.hits.length) + (at < 0 ? " found" : "");
  }

  // Go to the next or the previous of some places, around the end.
  hop(places, step) {
    if (!places || !places.length) return;
    const next = step > 0 ? places.find((at) => at > this.at) ?? places[0]
      : [...places].reverse().find((at) => at < this.at) ?? places[places.length - 1];
    this.choose(next, true).then(() => this.tell());
  }

  step(by) {
    const line = this.outline.line(this.at);
    const next = Math.min(this.outline.shown - 1, Math.max(0, line + by));
    if (next !== line) this.choose(this.outline.place(next), true);
  }

  turn(fold) {
    const row = this.chosen;
    if (!row) return;
    const folded = this.outline.folded.has(this.at);
    if (fold && row.below && !folded) this.outline.fold(this.at, true);
    else if (!fold && row.below && folded) this.outline.fold(this.at, false);
    else if (fold && row.parent >= 0) this.choose(row.parent, true);
    else if (!fold && row.below) this.choose(this.at + 1, true);
    this.paint();
  }

  stretch() {
    const row = this.chosen;
    this.zoom = this.zoom || !row ? null : [row.start, Math.max(1, row.length ?? this.outline.head.length_ns - row.start)];
    this.paint();
  }

  key(event) {
    if (event.key === "Escape") {
      if (!this.escape(event)) return;
    } else if (typing(event) || document.querySelector('[role="dialog"]')) return;
    else {
      const page = Math.max(1, Math.floor(this.scroll.clientHeight / ROW) - 1);
      const inPanel = event.composedPath().includes(this.right) && event.key.startsWith("Arrow");
      const act = {
        j: () => this.step(1), k: () => this.step(-1), ArrowDown: () => this.step(1), ArrowUp: () => this.step(-1),
        ArrowLeft: () => this.turn(true), ArrowRight: () => this.turn(false), h: () => this.turn(true), l: () => this.turn(false),
        PageDown: () => this.step(page), PageUp: () => this.step(-page), g: () => this.choose(0, true), G: () => this.choose(this.outline.place(this.outline.shown - 1), true),
        "/": () => { this.search.focus(); this.search.select(); }, e: () => this.hop(this.outline.head.errors, 1), E: () => this.hop(this.outline.head.errors, -1),
        n: () => this.hop(this.hits, 1), N: () => this.hop(this.hits, -1), d: () => this.compare(), z: () => this.stretch(),
        x: () => { if (this.against()) { this.side(!this.sideways); this.show(); } },
        Enter: () => { this.right.focus(); this.right.scrollIntoView({ block: "nearest" }); },
        ...this.context.keys,
      }[event.key];
      const onButton = /^(BUTTON|A|SUMMARY)$/.test(event.composedPath()[0].tagName || "") && event.key === "Enter";
      if (!act || inPanel || onButton || !this.outline.head) return;
      act();
    }
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  // What esc closes here before it leads back to the list: a field, a form, a search, a comparison.
  escape(event) {
    if (document.querySelector('[role="dialog"]') || event.composedPath().some((node) => node.localName === "dialog")) return false;
    if (typing(event)) event.composedPath()[0].blur();
    if (this.context.close && this.context.close()) return true;
    if (this.search.value) { this.search.value = ""; this.find(); return true; }
    if (this.against()) { this.endCompare(); return true; }
    if (this.marked()) { window.sessionStorage.removeItem(MARK); this.show(); return true; }
    if (this.zoom) { this.stretch(); return true; }
    return typing(event);
  }

  back() {
    if (new URLSearchParams(window.location.search).get("id") !== this.data.trace || !this.outline.head) return;
    const id = new URLSearchParams(window.location.search).get("span");
    if (!this.against() && this.sideways) this.side(false);
    const known = id ? this.outline.places.get(id) : this.outline.head.culprit;
    const go = known !== undefined ? Promise.resolve(known) : this.outline.load({ span: id }).then((answer) => answer.at);
    go.then((at) => { this.at = at; this.paint(); this.show(); }, () => {});
  }

  line(row, index) {
    const node = element("a", "row" + (row.at === this.at ? " selected" : "") + (row.status === "error" ? " failed" : "") +
      (this.hits && this.hits.includes(row.at) ? " hit" : ""));
    node.href = this.address(row);
    node.style.top = index * ROW + "px";
    node.setAttribute("role", "treeitem");
    node.setAttribute("aria-level", String(row.depth + 1));
    node.setAttribute("aria-selected", String(row.at === this.at));
    node.tabIndex = -1;
    const folded = this.outline.folded.has(row.at);
    if (row.below) node.setAttribute("aria-expanded", String(!folded));
    const name = element("span", "name");
    name.style.paddingLeft = Math.min(row.depth, 20) * 12 + "px";
    const toggle = element("span", "toggle", row.below ? (folded ? "▸" : "▾") : "");
    toggle.onclick = (event) => {
      if (!row.below) return;
      event.preventDefault();
      event.stopPropagation();
      this.outline.fold(row.at, !folded);
      this.paint();
    };
    name.append(toggle);
    if (SIGNS[row.status]) name.append(element("span", "mark " + row.status, SIGNS[row.status] + " "));
    if (row.kind !== "op") name.append(element("span", "kind", row.kind));
    name.append(element("span", "title", row.name));
    if (folded) name.append(element("span", "soft", " +" + count(row.below)));
    const inside = row.errors - (row.status === "error" ? 1 : 0);
    if (inside) name.append(element("span", "inside", " ▲" + count(inside)));
    const took = row.length === null ? "running" : duration(row.length);
    node.title = [row.name, row.kind, row.status === "unset" ? "ok" : row.status, took, row.model, inside ? inside + " errors below" : ""].filter(Boolean).join(", ");
    node.append(name, element("span", "tokens", row.tokens === null ? "" : count(row.tokens)),
      element("span", "cost", row.cost === null ? "" : usd(row.cost)), element("span", "time", took), this.fall(row));
    node.onclick = (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.button === 1) return;
      event.preventDefault();
      this.choose(row.at, false);
    };
    return node;
  }

  get range() { return this.zoom || [0, Math.max(1, plainNumber(this.outline.head.length_ns))]; }

  fall(row) {
    const [from, length] = this.range;
    const whole = plainNumber(this.outline.head.length_ns);
    const end = row.length === null ? Math.max(whole, row.start) : row.start + row.length;
    const fall = element("span", "fall");
    const left = Math.max(0, (row.start - from) / length), right = Math.min(1, (end - from) / length);
    if (right < 0 || left > 1) return fall;
    const bar = element("span", "bar k-" + row.kind + (row.length === null ? " open" : ""));
    bar.style.left = Math.min(100 * left, 99.5) + "%";
    bar.style.width = "max(2px, " + 100 * Math.max(0, right - left) + "%)";
    fall.append(bar);
    return fall;
  }

  paint() {
    if (!this.outline.head) return;
    this.canvas.style.height = this.outline.shown * ROW + "px";
    const first = Math.max(0, Math.floor(this.scroll.scrollTop / ROW) - SPARE);
    const last = Math.min(this.outline.shown, first + Math.ceil(this.scroll.clientHeight / ROW) + 2 * SPARE);
    const nodes = [];
    for (let index = first; index < last; index++) {
      const row = this.outline.row(this.outline.place(index));
      if (row) nodes.push(this.line(row, index));
      else {
        const node = element("div", "row waiting", "…");
        node.style.top = index * ROW + "px";
        nodes.push(node);
      }
    }
    this.canvas.replaceChildren(...nodes);
    const [from, length] = this.range;
    const ticks = element("span", "ticks");
    ticks.append(element("span", "", this.zoom ? "+" + duration(from) : "0"), element("span", "", duration(from + length)));
    ticks.title = "z: show the chosen span's time only, or all";
    ticks.onclick = () => this.stretch();
    this.axis.replaceChildren(element("span", "name", count(this.outline.size) + (this.outline.size === 1 ? " span" : " spans")),
      element("span", "tokens", "Tokens"), element("span", "cost", "Cost"), element("span", "time", "Time"), ticks);
  }

  listen() {
    const key = (event) => this.key(event), back = () => this.back(), resized = () => { this.fit(); this.paint(); };
    document.addEventListener("keydown", key, true);
    window.addEventListener("popstate", back);
    window.addEventListener("resize", resized);
    return () => {
      document.removeEventListener("keydown", key, true);
      window.removeEventListener("popstate", back);
      window.removeEventListener("resize", resized);
    };
  }

  close() {
    window.clearInterval(this.live);
    this.frees.splice(0).forEach((free) => free());
  }
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root");
  const key = JSON.stringify(data);
  if (!root.weft || root.weft.key !== key) {
    if (root.weft) root.weft.page.close();
    const page = new TracePage(root, data);
    root.weft = { key, page };
    page.open();
  }
  return root.weft.page.listen();
}
