// A panel for each metric, in sections by prefix. Only panels in sight have a canvas and ask for curves; a pointer in one
// moves the cursor in all of them, a drag zooms all.
const SECTION_AT_FIRST = 24;  // panels
const OPEN_AT_FIRST = 30;  // sections
const READOUT_ROWS = 14;
const MOST_NAMED = 24;
const BUCKETS = 300;
const WIDE_BUCKETS = 900;
const MANY_BUCKETS = 128;  // of each of many runs: outlines answer it without reading points
const FEW_RUNS = 24;
const FRAME_MS = 6;  // of script: the browser takes several times as long to paint what it drew

function globOf(pattern) {
  return new RegExp("^" + pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".") + "$");
}

class Panels {
  // `board`: get(name), set(changes) of what stands in the address; `palette`: the colours of runs.
  // `shows(prefix)`: whether metrics of this prefix are shown; `within`: what the names of all begin with.
  constructor(host, board, palette, shows = () => true, within = "") {
    this.shows = shows;
    this.host = host;
    this.board = board;
    this.palette = palette;
    this.runs = [];
    this.metrics = new MetricNames(() => this.arrange(), (error) => this.tell(error), within);
    this.definitions = [];
    this.panels = new Map();  // panel's key -> {name, node, plot}
    this.sections = new Map();
    this.zooms = [];
    this.cursor = { x: null, bright: null, panel: null };
    this.curves = new Curves((names) => this.fresh(names), (error) => this.tell(error));
    this.build();
  }

  build() {
    this.node = element("div", "panels");
    this.problem = element("div");
    this.body = element("div", "sections");
    this.more = button("Show more metrics", "", () => this.metrics.more(), "more");
    this.more.hidden = true;
    this.legend = element("div", "legend");
    this.readout = element("div", "readout");
    this.readout.hidden = true;
    this.node.append(this.problem, this.legend, this.body, this.more, this.readout);
    this.host.append(this.node);
    this.seen = new IntersectionObserver((entries) => this.sight(entries), { root: this.scroller(), rootMargin: "160px 0px" });
    this.sized = new ResizeObserver(() => this.soon());
    this.sized.observe(this.body);
    this.scheme = window.matchMedia("(prefers-color-scheme: dark)");
    this.scheme.onchange = () => window.setTimeout(() => this.soon(), 300);  // once Streamlit has set the colours
    this.body.addEventListener("pointermove", (event) => this.move(event));
    this.body.addEventListener("pointerleave", () => this.leave());
    this.body.addEventListener("pointerdown", (event) => this.press(event));
    this.body.addEventListener("dblclick", (event) => { if (event.target.closest(".plot")) this.zoomBack(); });
    this.body.addEventListener("keydown", (event) => this.key(event));
  }

  scroller() { return this.host.closest(".chart-pane"); }

  // The runs that are drawn, in order: {run_id, name, status, definitions, group}.
  show(runs) {
    this.runs = runs;
    this.by = new Map(runs.map((run) => [run.run_id, run]));
    const ids = runs.map((run) => run.run_id);
    this.dashes = dashesOf(ids, this.palette);
    this.name();
    this.definitions = runs.flatMap((run) => Object.entries(run.definitions || {})).map(([name, given]) => [globOf(name), given]);
    if (this.list()) this.arrange();
    this.ask();
  }

  list() { return this.metrics.show(this.runs.map((run) => run.run_id), this.board.get("m"), this.runs.some((run) => run.status === "running")); }

  // Which line is which run, where no table stands beside the charts.
  name() {
    const all = this.board.get("group") ? [...new Set(this.runs.map((run) => run.group ?? "none"))].sort() : this.runs;
    const shown = all.slice(0, MOST_NAMED).map((one) => {
      const id = one.run_id ?? one, node = element("span", "named");
      node.append(swatch(colourOf(id, this.palette), this.dashes.get(id) ?? 0), " " + (one.name ?? one));
      return node;
    });
    this.legend.replaceChildren(...(all.length > 1 ? shown : []), ...(all.length > shown.length ? [element("span", "soft", `and ${all.length - shown.length} more`)] : []));
  }

  ask() {
    const zoom = this.zoom(), live = this.runs.filter((run) => run.status === "running").map((run) => run.run_id);
    const view = { x: this.axis(), first: zoom ? zoom[0] : null, last: zoom ? zoom[1] : null, many: this.runs.length > FEW_RUNS, wide: this.board.get("wide") };
    this.curves.axisOf = (name) => this.axisOf(name);
    this.curves.bucketsOf = (name) => (name === view.wide ? WIDE_BUCKETS : view.many ? MANY_BUCKETS : BUCKETS);
    this.curves.show(this.runs.map((run) => run.run_id), live, view, this.pointed);
    this.soon();
  }

  axis() { return this.board.get("x"); }

  // A metric's own axis, where define_metric gave it one and the reader has not chosen another.
  axisOf(name) {
    if (this.axis()) return this.axis();
    const given = this.definitions.find(([glob, one]) => one.step_metric && glob.test(name));
    return given ? given[1].step_metric : "step";
  }

  zoom() {
    const parts = (this.board.get("zoom") || "").split("~").map(Number);
    return parts.length === 2 && parts.every(Number.isFinite) ? parts : null;
  }

  tell(error) { this.problem.replaceChildren(...(error ? [errorNode(error)] : [])); }

  hidden(name) {
    return this.definitions.some(([glob, given]) => given.hidden && glob.test(name)) || this.board.list("hide").includes(name);
  }

  // Sections and panels as they should stand; those that stand already are moved, not made anew.
  arrange() {
    const pins = this.board.list("pins"), shut = this.board.list("shut"), kept = new Set();
    const found = this.metrics.sections((name) => !this.hidden(name) && this.shows(prefixOf(name)));
    const wanted = new Map([...(pins.length ? [["pinned", pins]] : []), ...found]), order = [...wanted.keys()];
    place(this.body, order.map((key, at) => {
      const section = this.section(key), names = wanted.get(key);
      const folded = shut.includes(key) !== (at >= OPEN_AT_FIRST || (key === "of " + FOLDED && order.length > 1));
      section.node.classList.toggle("folded", folded);
      section.head.setAttribute("aria-expanded", String(!folded));
      section.count.textContent = count(names.length);
      section.more.hidden = folded || names.length <= section.most;
      section.more.textContent = `Show all ${count(names.length)}`;
      place(section.grid, folded ? [] : names.slice(0, section.most).map((name) => { const id = (key === "pinned" ? "pin " : "") + name; kept.add(id); return this.panel(id, name).node; }));
      return section.node;
    }));
    for (const [id, panel] of this.panels) if (!kept.has(id)) { this.drop(panel); this.panels.delete(id); }
    this.more.hidden = !this.metrics.after;
    if (!order.length && this.runs.length) this.body.replaceChildren(element("div", "soft", this.metrics.runs.size ? "All of these metrics are hidden, by define_metric or on this page." : this.metrics.text ? "No metric has this in its name." : "These runs have logged no metrics yet."));
  }

  section(key) {
    if (this.sections.has(key)) return this.sections.get(key);
    const node = element("section", "panel-section"), head = element("button", "section-head"), grid = element("div", "grid");
    head.type = "button";
    const title = key === "pinned" ? "Pinned" : key.slice(3) || "Metrics", number = element("span", "soft");
    head.append(element("span", "twist", "▾"), element("span", "", title), number);
    head.onclick = () => this.board.toggle("shut", key);
    const more = button("", "", () => { section.most = Infinity; this.arrange(); }, "more");
    node.append(head, grid, more);
    const section = { node, head, grid, more, count: number, most: SECTION_AT_FIRST };
    this.sections.set(key, section);
    return section;
  }

  panel(id, name) {
    const wide = this.board.get("wide") === name;
    if (this.panels.has(id)) {
      this.panels.get(id).node.classList.toggle("wide", wide);
      return this.panels.get(id);
    }
    const node = element("article", "panel" + (wide ? " wide" : "")), head = element("header");
    node.tabIndex = 0;
    node.dataset.id = id;
    node.setAttribute("aria-label", "Chart of " + name);
    const title = element("span", "title", name), mark = element("span", "axis-mark soft");
    title.title = name;
    const open = button("⋯", "What can be done with this chart", (event) => this.menu(event, panel), "quiet");
    open.setAttribute("aria-haspopup", "menu");
    head.append(title, mark, open);
    const host = element("div", "plot-host");
    node.append(head, host);
    const panel = { id, name, node, head, host, mark, plot: null };
    this.panels.set(id, panel);
    if (id.startsWith("pin ")) movable(head, node, name, (from, to) => this.board.move("pins", from, to));
    this.seen.observe(node);
    return panel;
  }

  drop(panel) {
    this.seen.unobserve(panel.node);
    this.conceal(panel);
  }

  conceal(panel) {
    if (!panel.plot) return;
    panel.plot.node.remove();
    panel.plot = null;
    if (![...this.panels.values()].some((other) => other.plot && other.name === panel.name)) this.curves.unsee(panel.name);
  }

  sight(entries) {
    for (const entry of entries) {
      const panel = this.panels.get(entry.target.dataset.id);
      if (!panel) continue;
      if (!entry.isIntersecting) { this.conceal(panel); continue; }
      if (panel.plot) continue;
      panel.plot = new Plot(panel.host);
      this.curves.see(panel.name);
      this.dirty(panel);
    }
  }

  fresh(names) {
    const set = new Set(names);
    for (const panel of this.panels.values()) if (panel.plot && set.has(panel.name)) this.dirty(panel);
  }

  dirty(panel) { panel.dirty = true; this.frame(); }
  soon() { for (const panel of this.panels.values()) panel.dirty = true; this.frame(); }

  // All that is drawn is drawn once a frame.
  frame() {
    if (this.framed) return;
    this.framed = window.requestAnimationFrame(() => {
      this.framed = 0;
      this.inked = null;  // the reader may have turned the light on or off
      const began = performance.now(), dirty = [...this.panels.values()].filter((panel) => panel.plot && panel.dirty);
      dirty.sort((a, b) => (b.name === this.pointed) - (a.name === this.pointed));
      for (const panel of dirty) {
        panel.dirty = false;
        this.draw(panel);
        if (performance.now() - began > FRAME_MS) break;
      }
      if (dirty.some((panel) => panel.dirty)) this.frame();  // the rest in the next frame
      this.follow();
    });
  }

  draw(panel) {
    const axis = this.axisOf(panel.name), lines = this.lines(panel.name);
    panel.mark.textContent = axis === "step" ? "" : "by " + axis;
    const all = this.curves.whole(panel.name), drawn = lines.some((line) => line.mean.some(Number.isFinite));
    panel.node.classList.toggle("waiting", !lines.length && !all);
    panel.node.classList.toggle("bare", !drawn && all);
    panel.host.dataset.why = lines.length ? "only NaN and infinities" : "no points of these runs" + (this.zoom() ? " in this range" : "");
    panel.plot.set(lines, {
      kind: axis, x: this.zoom(), y: panel.y ?? null, weight: Number(this.board.get("smooth")) || 0,
      logX: this.board.get("lx") === "1", logY: (this.board.get("ly") === "1") !== this.board.list("flip").includes(panel.name), band: this.board.get("env") !== "0",
    }, this.ink());
    const { plot } = panel, ends = [plot.xAt(INSET.left), plot.xAt(INSET.left + plot.wide)].map((x) => placeOf(Number(x.toPrecision(6)), axis, plot.to[0] - plot.from[0]));
    panel.node.setAttribute("aria-label", lines.length ? `Chart of ${panel.name}: ${lines.length} ${lines.length === 1 ? "curve" : "curves"}, ${axis} ${ends.join(" to ")}` : "Chart of " + panel.name + ": no points");
    panel.node.dataset.drawn = this.curves.whole(panel.name) ? lines.length + " " + this.board.get("zoom") : "";
  }

  ink() {
    if (!this.inked) this.inked = inkOf(this.host);
    return this.inked;
  }

  lines(name) {
    const found = this.curves.of(name);
    if (this.board.get("group")) return this.groupLines(found);
    return found.map((curve, at) => {
      const run = this.by.get(curve.run), rank = at && found[at - 1].run === curve.run ? 1 : 0;
      return { ...curve, label: run.name + (curve.source ? " " + curve.source : ""), colour: colourOf(curve.run, this.palette), dash: (this.dashes.get(curve.run) ?? 0) + rank };
    });
  }

  groupLines(found) {
    const groups = new Map();
    for (const curve of found) {
      const key = this.by.get(curve.run).group ?? "none";
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(curve);
    }
    const keys = [...groups.keys()].sort(), dashes = dashesOf(keys, this.palette);
    return keys.map((key) => {
      const curve = groupCurve(groups.get(key), this.board.get("band"));
      return { ...curve, run: key, source: "", label: `${key} (${curve.n})`, colour: colourOf(key, this.palette), dash: dashes.get(key) };
    });
  }

  panelOf(event) {
    const node = event.target.closest && event.target.closest(".panel");
    return node ? this.panels.get(node.dataset.id) : null;
  }

  move(event) {
    if (this.pinned) return;
    const panel = this.panelOf(event);
    if (this.drag) { this.dragTo(event); return; }
    if (!panel || !panel.plot || !panel.plot.scale || !event.target.closest(".plot")) { this.leave(); return; }
    const box = panel.plot.node.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    this.point(panel, panel.plot.xAt(Math.min(Math.max(x, INSET.left), panel.plot.width - INSET.right)), y, event);
  }

  point(panel, x, y, place) {
    this.pointed = panel.name;
    this.cursor = { panel, x, y, place, bright: this.cursor.bright };
    this.frame();
  }

  leave() {
    if (this.pinned || this.drag) return;
    this.cursor = { x: null, bright: null, panel: null };
    this.board.glow(null);
    this.frame();
  }

  // A run that stands out because the pointer is on its row.
  glow(run) {
    if (this.cursor.panel) return;
    this.cursor.bright = run;
    this.frame();
  }

  // The cursor in every panel in sight; the values beside the pointer.
  follow() {
    const { panel, x, y } = this.cursor;
    if (panel && panel.plot) {
      const found = panel.plot.values(x).filter((one) => Number.isFinite(one.value));
      const near = found.reduce((best, one) => {
        const away = Math.abs(panel.plot.toY(one.value) - y);
        return !best || away < best.away ? { one, away } : best;
      }, null);
      this.cursor.bright = near ? near.one.line.run : null;
      this.board.glow(this.cursor.bright);
      this.read(panel, panel.plot.values(x));
    } else this.readout.hidden = true;
    const axis = panel ? this.axisOf(panel.name) : null;
    for (const other of this.panels.values()) {
      if (!other.plot || !other.plot.scale) continue;
      const same = panel && this.axisOf(other.name) === axis;
      const drag = this.drag && (this.drag.tall ? other === panel : same) ? this.drag.shape(other.plot) : null;
      other.plot.under(same ? x : null, this.cursor.bright, drag);
    }
  }

  read(panel, found) {
    found.sort((a, b) => (Number.isFinite(b.value) ? b.value : -Infinity) - (Number.isFinite(a.value) ? a.value : -Infinity));
    const place = found.findIndex((one) => one.line.run === this.cursor.bright);
    const first = this.pinned ? 0 : Math.max(0, Math.min(place - (READOUT_ROWS >> 1), found.length - READOUT_ROWS));
    const shown = this.pinned ? found : found.slice(first, first + READOUT_ROWS);
    const axis = this.axisOf(panel.name), where = placeOf(found.length ? found[Math.max(0, place)].x : this.cursor.x, axis, panel.plot.to[0] - panel.plot.from[0]);
    const head = element("div", "readout-head", /^(time|relative)$/.test(axis) ? where : axis + " " + where);
    if (this.pinned) head.append(...momentLinks(found[Math.max(0, place)], panel.name, axis), copyButton(() => found.map((one) => one.line.label + "\t" + one.value).join("\n")), button("×", "esc", () => this.unpin(), "quiet"));
    const table = element("table");
    for (const one of shown) {
      const row = table.insertRow(), name = row.insertCell(), value = row.insertCell(), range = row.insertCell();
      if (one.line.run === this.cursor.bright) row.className = "bright";
      name.append(swatch(one.line.colour, one.line.dash), " " + one.line.label);
      value.textContent = Number.isFinite(one.value) ? number(one.value, 4) : Number.isFinite(one.raw) || Number.isNaN(one.raw) ? "NaN" : number(one.raw);
      value.title = String(one.raw);
      if (one.line.band || (one.n > 1 && one.low !== one.high)) range.textContent = `${number(one.low)} to ${number(one.high)}`;
    }
    const rest = found.length - shown.length;
    this.readout.replaceChildren(head, table, ...(rest > 0 ? [element("div", "soft", `and ${rest} more: click to see all`)] : []));
    this.readout.hidden = !found.length;
    this.readout.classList.toggle("pinned", Boolean(this.pinned));
    if (this.pinned) return;
    const box = this.host.getBoundingClientRect(), { place: at } = this.cursor, wide = this.readout.offsetWidth, tall = this.readout.offsetHeight;
    const left = at.clientX + 18 + wide > window.innerWidth ? at.clientX - wide - 18 : at.clientX + 18;
    const top = Math.min(at.clientY + 12, window.innerHeight - tall - 8);
    this.readout.style.transform = `translate(${Math.round(Math.max(0, left))}px, ${Math.round(Math.max(0, top))}px)`;
  }

  unpin() { this.pinned = null; this.leave(); }

  press(event) {
    const panel = this.panelOf(event);
    if (!panel || !panel.plot || event.button !== 0 || !event.target.closest(".plot")) return;
    const box = panel.plot.node.getBoundingClientRect(), tall = event.shiftKey;
    const from = tall ? event.clientY - box.top : event.clientX - box.left;
    this.drag = { panel, tall, from, to: from, box, shape: (plot) => ({ tall, from: this.across(plot, this.drag.from), to: this.across(plot, this.drag.to) }) };
    const up = (end) => {
      window.removeEventListener("pointermove", this.dragging);
      window.removeEventListener("pointerup", up);
      this.release(end);
    };
    this.dragging = (moved) => this.dragTo(moved);
    window.addEventListener("pointermove", this.dragging);
    window.addEventListener("pointerup", up);
    event.preventDefault();
    panel.node.focus({ preventScroll: true });
  }

  // A place of the panel that is dragged in, in another panel of the same axis.
  across(plot, pixel) {
    const own = this.drag.panel.plot;
    return this.drag.tall || plot === own ? pixel : plot.toX(own.xAt(pixel));
  }

  dragTo(event) {
    if (!this.drag) return;
    const { box, tall } = this.drag;
    this.drag.to = tall ? event.clientY - box.top : Math.min(Math.max(event.clientX - box.left, INSET.left), box.width - INSET.right);
    this.frame();
  }

  release(event) {
    const { panel, tall, from, to } = this.drag;
    this.drag = null;
    if (!panel.plot) return;
    if (Math.abs(to - from) < 6) {
      this.pinned = this.pinned ? null : panel;
      this.follow();
      return;
    }
    const plot = panel.plot, ends = [from, to].sort((a, b) => a - b);
    this.cursor = { x: null, bright: null, panel: null };
    if (tall) { panel.y = [plot.yAt(ends[1]), plot.yAt(ends[0])]; this.dirty(panel); return; }
    this.zoomTo(ends.map((pixel) => plot.xAt(pixel)));
  }

  zoomTo(range) {
    this.zooms.push(this.board.get("zoom"));
    const whole = this.axis() === "step" || this.axis() === "", [from, to] = range;
    const ends = whole && to - from > 4 ? [Math.floor(from), Math.ceil(to)] : range.map((value) => Number(value.toPrecision(12)));
    this.board.set({ zoom: ends.join("~") });
  }

  zoomBack() {
    this.pinned = null;
    for (const panel of this.panels.values()) if (panel.y) { panel.y = null; this.dirty(panel); return; }
    this.board.set({ zoom: this.zooms.length ? this.zooms.pop() : "" });
  }

  key(event) {
    const panel = this.panelOf(event);
    if (!panel || !panel.plot || typing(event) || event.target !== panel.node) return;
    const plot = panel.plot, { from, to } = plot, [left, right] = plot.options.logX ? [10 ** from[0], 10 ** to[0]] : [from[0], to[0]];
    const at = this.cursor.panel === panel ? this.cursor.x : (left + right) / 2, step = (right - left) / 100;
    const act = {
      ArrowLeft: () => this.step(panel, at - step * (event.shiftKey ? 10 : 1)), ArrowRight: () => this.step(panel, at + step * (event.shiftKey ? 10 : 1)),
      "+": () => this.zoomTo([at - (at - left) / 2, at + (right - at) / 2]), "-": () => this.zoomBack(), 0: () => { this.zooms = []; this.board.set({ zoom: "" }); },
      p: () => this.board.toggle("pins", panel.name), f: () => this.enlarge(panel), Enter: () => { this.pinned = panel; this.step(panel, at); },
      Escape: () => (this.pinned || this.cursor.panel ? this.unpin() : false),
    }[event.key];
    if (!act || act() === false) return;
    event.preventDefault();
    event.stopPropagation();
  }

  step(panel, x) {
    const { plot } = panel, box = plot.node.getBoundingClientRect(), place = Math.min(Math.max(plot.toX(x), INSET.left), plot.width - INSET.right);
    this.point(panel, plot.xAt(place), plot.height / 2, { clientX: box.left + place, clientY: box.top + 20 });
  }

  enlarge(panel) { this.board.set({ wide: this.board.get("wide") === panel.name ? "" : panel.name }); }

  menu(event, panel) {
    const pins = this.board.list("pins"), pinned = pins.includes(panel.name), entries = [
      [pinned ? "Unpin" : "Pin to the top", "p", () => this.board.toggle("pins", panel.name)],
      ...(panel.id.startsWith("pin ") ? [["Earlier", "", () => this.board.shift("pins", panel.name, -1)], ["Later", "", () => this.board.shift("pins", panel.name, 1)]] : []),
      [this.board.get("wide") === panel.name ? "Small again" : "Enlarge", "f", () => this.enlarge(panel)],
      ["Other y axis (log, linear)", "", () => this.board.toggle("flip", panel.name)],
      ["Hide", "", () => this.board.toggle("hide", panel.name)],
      ["Copy its address", "", () => navigator.clipboard.writeText(window.location.origin + addressWith({ m: panel.name, wide: panel.name }))],
      ["CSV", "", () => saveCurves(panel, this.lines(panel.name), this.axisOf(panel.name))],
      ["PNG", "", () => saveImage(panel, this.ink())],
      ["SVG", "", () => saveDrawing(panel, this.ink())],
    ];
    openMenu(event.currentTarget, entries);
  }

  stop() {
    this.curves.stop();
    this.metrics.stop();
    this.seen.disconnect();
    this.sized.disconnect();
    this.scheme.onchange = null;
    window.cancelAnimationFrame(this.framed);
  }
}

// Gives a node these children; those that are there stay, with the focus, the scroll and the drag that are on them.
function place(node, children) {
  const now = [...node.childNodes];
  if (now.length !== children.length || now.some((child, at) => child !== children[at])) node.replaceChildren(...children);
}

function swatch(colour, dash = 0) {
  const node = element("span", "swatch");
  const part = [["", ""], ["6px", "3px"], ["2px", "2px"], ["8px", "2px"]][dash % 4];
  node.style.background = dash % 4 ? `repeating-linear-gradient(90deg, ${colour} 0 ${part[0]}, transparent ${part[0]} calc(${part[0]} + ${part[1]}))` : colour;
  return node;
}
