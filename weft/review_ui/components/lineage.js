// A graph of what led to what, in layers from left to right, or from the top down where it is read better so. Click chooses a node, its "+" fetches its neighbours.
const NS = "http://www.w3.org/2000/svg";
const WIDE = 216, HIGH = 62, GAP_X = 104, GAP_Y = 18, GAP_DOWN = 40;
const LEGIBLE = 0.55, LARGE = 0.8;  // of its own size

function shape(tag, attributes, text) {
  const node = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, String(value));
  if (text !== undefined) node.textContent = text;
  return node;
}

const idOf = (node) => JSON.stringify([node.project, node.kind, node.name]);
const short = (text, most) => (text.length > most ? text.slice(0, most - 1) + "…" : text);
const addressOf = (node) => (node.kind === "registry" ? "registry/" : node.kind + ":") + node.name;

function when(ns) {
  if (!ns) return "";
  const at = new Date(ns / 1e6), two = (number) => String(number).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

// The layer of each node: behind all that fed into it. An edge that would close a circle does not count.
function layersOf(nodes, edges) {
  const out = new Map(), into = new Map();
  for (const id of nodes.keys()) { out.set(id, []); into.set(id, 0); }
  for (const edge of edges.values()) out.get(edge.source).push(edge);
  const state = new Map(), kept = [];
  for (const first of nodes.keys()) {
    if (state.has(first)) continue;
    const stack = [[first, 0]];
    state.set(first, 1);
    while (stack.length) {
      const top = stack[stack.length - 1], following = out.get(top[0]);
      if (top[1] >= following.length) { state.set(top[0], 2); stack.pop(); continue; }
      const edge = following[top[1]++];
      if (state.get(edge.target) === 1) continue;
      kept.push(edge);
      if (!state.has(edge.target)) { state.set(edge.target, 1); stack.push([edge.target, 0]); }
    }
  }
  const layer = new Map(), ahead = new Map();
  for (const id of nodes.keys()) { layer.set(id, 0); ahead.set(id, []); }
  for (const edge of kept) { ahead.get(edge.source).push(edge.target); into.set(edge.target, into.get(edge.target) + 1); }
  const ready = [...nodes.keys()].filter((id) => !into.get(id)), order = [];
  while (ready.length) {
    const id = ready.pop();
    order.push(id);
    for (const next of ahead.get(id)) {
      layer.set(next, Math.max(layer.get(next), layer.get(id) + 1));
      into.set(next, into.get(next) - 1);
      if (!into.get(next)) ready.push(next);
    }
  }
  for (const id of order.reverse()) {  // sources stand just ahead of what they feed, not all in the first layer
    const next = ahead.get(id).map((other) => layer.get(other));
    if (next.length) layer.set(id, Math.min(...next) - 1);
  }
  return layer;
}

// Places: in each layer by the middle of the neighbours, a few times from left to right and back.
function placed(nodes, edges, down) {
  const layer = layersOf(nodes, edges), columns = new Map(), near = new Map();
  for (const id of nodes.keys()) {
    near.set(id, []);
    const at = layer.get(id);
    if (!columns.has(at)) columns.set(at, []);
    columns.get(at).push(id);
  }
  for (const edge of edges.values()) { near.get(edge.source).push(edge.target); near.get(edge.target).push(edge.source); }
  const row = new Map(), levels = [...columns.keys()].sort((a, b) => a - b);
  for (const ids of columns.values()) ids.forEach((id, at) => row.set(id, at - ids.length / 2));
  for (let turn = 0; turn < 6; turn++) {
    for (const level of turn % 2 ? [...levels].reverse() : levels) {
      const ids = columns.get(level), middle = new Map();
      for (const id of ids) {
        const others = near.get(id).map((other) => row.get(other));
        middle.set(id, others.length ? others.reduce((a, b) => a + b, 0) / others.length : row.get(id));
      }
      ids.sort((a, b) => middle.get(a) - middle.get(b));
      ids.forEach((id, at) => row.set(id, at - (ids.length - 1) / 2));
    }
  }
  const places = new Map();
  for (const id of nodes.keys()) places.set(id, down ? { x: row.get(id) * (WIDE + GAP_Y), y: layer.get(id) * (HIGH + GAP_DOWN) } : { x: layer.get(id) * (WIDE + GAP_X), y: row.get(id) * (HIGH + GAP_Y) });
  return places;
}

class LineageGraph {
  constructor(root, data) {
    this.data = data;
    this.nodes = new Map();
    this.edges = new Map();
    this.grown = new Set();
    this.add(data);
    this.start = this.chosen = idOf(data.nodes[0]);
    this.svg = shape("svg", { role: "group", "aria-label": "Lineage of " + data.nodes[0].title });
    this.scene = shape("g");
    this.svg.append(shape("defs"), this.scene);
    const arrow = shape("marker", { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" });
    arrow.append(shape("path", { d: "M0 0.8 L7 4 L0 7.2 z", class: "mark" }));
    this.svg.firstChild.append(arrow);
    this.canvas = element("div", "canvas");
    this.card = element("aside", "card");
    const stage = element("div", "stage");
    const tools = element("div", "tools");
    tools.append(this.tool("−", "Smaller (-)", () => this.zoom(1 / 1.25)), this.tool("+", "Larger (+)", () => this.zoom(1.25)), this.tool("Fit", "The whole graph (0)", () => this.fit(0)));
    this.canvas.append(this.svg, tools);
    stage.append(this.canvas, this.card);
    this.foot = element("div", "foot");
    root.replaceChildren(stage, this.foot);
    this.view = { x: 0, y: 0, k: 1 };
    this.high = 0;
    this.move();
    this.keys();
    new ResizeObserver(() => this.turn()).observe(this.canvas);
    this.turn();
  }

  // Drawn for the width that the page has, until the reader has moved it.
  turn() {
    const wide = this.canvas.clientWidth;
    if (this.wide === wide || (this.moved && this.wide)) return;
    this.wide = wide;
    this.lay(false);
    const across = this.scale();
    if (across < LARGE) this.lay(true);
    if (this.scale() < across) this.lay(false);
    this.fit();
  }

  lay(down) {
    this.down = down;
    this.high = 0;
    this.draw();
  }

  tool(text, title, act) {
    const node = element("button", "", text);
    node.type = "button";
    node.title = title;
    node.setAttribute("aria-label", title);
    node.onclick = act;
    return node;
  }

  add(graph) {
    const ids = graph.nodes.map(idOf);
    graph.nodes.forEach((node, at) => { if (!this.nodes.has(ids[at])) this.nodes.set(ids[at], node); });
    for (const edge of graph.edges) {
      const source = ids[edge.source], target = ids[edge.target];
      this.edges.set(JSON.stringify([source, target, edge.relation]), { source, target, relation: edge.relation });
    }
  }

  // As high as the graph, between what its card needs and what the page gives.
  size() {
    const rows = [...this.places.values()].map((place) => place.y);
    const wanted = Math.max(...rows) - Math.min(...rows) + HIGH + 120;
    this.high = Math.max(this.high, Math.min(this.data.height * (this.down ? 1.4 : 1), Math.max(300, wanted)));
    this.canvas.style.height = this.card.style.maxHeight = this.high + "px";
  }

  draw() {
    this.places = placed(this.nodes, this.edges, this.down);
    this.size();
    const lines = [], words = [], boxes = [], crowd = new Map();
    for (const edge of this.edges.values()) {
      crowd.set(edge.source, (crowd.get(edge.source) || 0) + 1);
      if (!crowd.has(edge.target)) crowd.set(edge.target, 0);
    }
    this.lines = new Map();
    for (const edge of this.edges.values()) {
      const from = this.places.get(edge.source), to = this.places.get(edge.target);
      const [x1, y1] = this.down ? [from.x + WIDE / 2, from.y + HIGH] : [from.x + WIDE, from.y + HIGH / 2], [x2, y2] = this.down ? [to.x + WIDE / 2, to.y - 2] : [to.x - 2, to.y + HIGH / 2];
      const along = this.down ? y2 - y1 : x2 - x1, reach = Math.max(this.down ? 16 : 40, Math.min(160, Math.abs(along) / 2)), [rx, ry] = this.down ? [0, reach] : [reach, 0];
      const line = shape("path", { d: `M${x1} ${y1} C${x1 + rx} ${y1 + ry} ${x2 - rx} ${y2 - ry} ${x2} ${y2}`, class: "edge", "marker-end": "url(#tip)" });
      lines.push(line);
      if (along > 0 && crowd.get(edge.source) < 12) words.push(shape("text", { x: (x1 + x2) / 2, y: (y1 + y2) / 2 - 4, class: "relation", "text-anchor": "middle" }, edge.relation));
      this.lines.set(edge, line);
    }
    this.boxes = new Map();
    for (const [id, node] of this.nodes) {
      const box = this.box(id, node);
      this.boxes.set(id, box);
      boxes.push(box);
    }
    this.scene.replaceChildren(...lines, ...words, ...boxes);
    this.mark();
    this.told();
  }

  box(id, node) {
    const { x, y } = this.places.get(id);
    const figures = Object.entries(node.figures).slice(0, 2).map(([name, value]) => name + " " + value).join(" · ");
    const group = shape("g", { transform: `translate(${x} ${y})`, tabindex: 0, role: "button", "data-id": id,
      "aria-label": `${node.type} ${node.title}${figures ? ", " + figures : ""}` });
    group.append(shape("rect", { width: WIDE, height: HIGH, rx: 4, class: "box" }), shape("rect", { width: 3, height: HIGH, rx: 1.5, class: "mark " + node.kind }));
    group.append(shape("text", { x: 12, y: 20, class: "name" }, short(node.title, 27)));
    group.append(shape("text", { x: 12, y: 36, class: "kind" }, short(node.type + (node.known ? "" : ", not stored") + (node.time_ns ? " · " + when(node.time_ns) : ""), 34)));
    group.append(shape("text", { x: 12, y: 51, class: "figures" }, short(figures, 34)));
    const hover = shape("title", {}, `${node.type}: ${node.title}\n${Object.entries(node.figures).map(([k, v]) => k + " " + v).join("\n")}`);
    group.append(hover);
    group.onclick = () => this.choose(id);
    group.ondblclick = () => this.open(id);
    group.onfocus = () => { if (this.chosen !== id) this.choose(id, false); };
    if (!this.grown.has(id)) {
      const grow = shape("g", { class: "grow", transform: `translate(${WIDE - 12} 12)` });
      grow.append(shape("circle", { r: 7.5 }), shape("path", { d: "M-3.5 0H3.5M0 -3.5V3.5" }), shape("title", {}, "Show what it is linked with (e)"));
      grow.onclick = (event) => { event.stopPropagation(); this.choose(id); this.expand(id); };
      group.append(grow);
    }
    return group;
  }

  mark() {
    for (const [id, box] of this.boxes) {
      const node = this.nodes.get(id);
      box.setAttribute("class", "node" + (id === this.chosen ? " chosen" : "") + (id === this.start ? " start" : "") + (node.known ? "" : " unknown"));
    }
    const near = [...this.lines.keys()].filter((edge) => edge.source === this.chosen || edge.target === this.chosen);
    const tone = near.length > 40 ? " near many" : " near";
    for (const [edge, line] of this.lines) line.setAttribute("class", "edge" + (edge.source === this.chosen || edge.target === this.chosen ? tone : ""));
    this.describe();
  }

  told() {
    const some = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
    this.foot.textContent = `${some(this.nodes.size, "node")}, ${some(this.edges.size, "edge")}. Arrows move, e expands, enter opens, 0 fits.`;
  }

  choose(id, focus = true) {
    this.chosen = id;
    this.mark();
    if (focus) this.boxes.get(id).focus({ preventScroll: true });
  }

  href(node, page = node.page, parameters = node.parameters) {
    return page ? page + "?" + new URLSearchParams({ ...parameters, project: node.project || this.data.project }) : null;
  }

  open(id) {
    const href = this.href(this.nodes.get(id));
    if (href) visit(href);
  }

  describe(problem) {
    const node = this.nodes.get(this.chosen), facts = element("dl");
    const rows = [...Object.entries(node.figures), ["time", when(node.time_ns)], ["project", node.project]];
    for (const [name, value] of rows) if (value) facts.append(element("dt", "", name), element("dd", "", value));
    facts.append(element("dt", "", "name"), element("dd", "mono", node.name));
    const row = element("div", "row"), href = this.href(node);
    const link = (text, to) => { const a = element("a", "", text); a.href = to; a.onclick = (event) => follow(event, to); return a; };
    if (href) row.append(link("Open its page", href));
    row.append(link("Start here", "/lineage?" + new URLSearchParams({ node: addressOf(node), project: node.project || this.data.project })));
    if (!this.grown.has(this.chosen)) {
      const more = element("button", "more", "Expand");
      more.type = "button";
      more.onclick = () => this.expand(this.chosen);
      row.append(more);
    }
    const parts = [element("h3", "", node.title), element("div", "kind", node.type + (node.known ? "" : ": named by an edge, not stored")), row, facts];
    for (const [title, near, far] of [["From", "target", "source"], ["To", "source", "target"]]) {
      const edges = [...this.edges.values()].filter((edge) => edge[near] === this.chosen);
      if (!edges.length) continue;
      const list = element("ul");
      for (const edge of edges.slice(0, 40)) {
        const item = element("li"), go = element("button", "", this.nodes.get(edge[far]).title);
        go.type = "button";
        go.onclick = () => { this.choose(edge[far]); this.show(edge[far]); };
        item.append(go, ` ${edge.relation}`);
        list.append(item);
      }
      if (edges.length > 40) list.append(element("li", "", `and ${edges.length - 40} more`));
      parts.push(element("div", "kind", title), list);
    }
    this.card.replaceChildren(...parts, ...(problem ? [errorNode(problem)] : []));
  }

  async expand(id) {
    if (this.grown.has(id)) return;
    const node = this.nodes.get(id), before = this.places.get(id);
    this.grown.add(id);
    const query = new URLSearchParams({ node: addressOf(node), depth: "1" });
    try {
      const answer = await fetch(`/api/projects/${encodeURIComponent(node.project || this.data.project)}/lineage/graph?${query}`, { credentials: "same-origin" });
      const found = await answer.json();
      if (!answer.ok) throw new Error(found.error ? found.error.message : "The server did not answer.");
      this.add(found);
    } catch (error) {
      this.grown.delete(id);
      this.describe(error);
      return;
    }
    this.draw();
    this.moved = true;
    const after = this.places.get(id);  // what was clicked stays where it is
    this.view.x += (before.x - after.x) * this.view.k;
    this.view.y += (before.y - after.y) * this.view.k;
    this.apply();
    this.boxes.get(id).focus({ preventScroll: true });
  }

  apply() { this.scene.setAttribute("transform", `translate(${this.view.x} ${this.view.y}) scale(${this.view.k})`); }

  edgesOf() {
    const places = [...this.places.values()], xs = places.map((p) => p.x), ys = places.map((p) => p.y);
    return [Math.min(...xs), Math.max(...xs) + WIDE, Math.min(...ys), Math.max(...ys) + HIGH];
  }

  // How large the whole of it may be drawn.
  scale() {
    const [left, right, top, bottom] = this.edgesOf();
    return Math.min(1, ((this.canvas.clientWidth || 800) - 32) / (right - left), (this.high - 48) / (bottom - top));
  }

  // The whole graph; where it would be smaller than `least`, what is around the chosen one.
  fit(least = LEGIBLE) {
    this.moved = false;
    const [left, right, top, bottom] = this.edgesOf(), wide = this.canvas.clientWidth || 800, high = this.high, k = this.scale();
    if (k > least) {
      this.view = { k, x: (wide - (right + left) * k) / 2, y: (high - (bottom + top) * k) / 2 };
    } else {
      const at = this.places.get(this.chosen), near = 0.8;
      const inside = (start, low, length, room) => length > room ? Math.min(16 - low, Math.max(room + 16 - low - length, start)) : (room + 32 - length) / 2 - low;
      this.view = { k: near, x: inside(wide / 2 - (at.x + WIDE / 2) * near, left * near, (right - left) * near, wide - 32),
        y: inside(high / 2 - (at.y + HIGH / 2) * near, top * near, (bottom - top) * near, high - 32) };
    }
    this.apply();
  }

  zoom(factor, cx = this.canvas.clientWidth / 2, cy = this.high / 2) {
    this.moved = true;
    const k = Math.min(2, Math.max(0.1, this.view.k * factor)), by = k / this.view.k;
    this.view = { k, x: cx - (cx - this.view.x) * by, y: cy - (cy - this.view.y) * by };
    this.apply();
  }

  show(id) {
    const { x, y } = this.places.get(id), { k } = this.view;
    const sx = x * k + this.view.x, sy = y * k + this.view.y, wide = this.canvas.clientWidth, high = this.high;
    if (sx < 0 || sx + WIDE * k > wide) this.view.x += wide / 2 - sx - (WIDE * k) / 2;
    if (sy < 0 || sy + HIGH * k > high) this.view.y += high / 2 - sy - (HIGH * k) / 2;
    this.apply();
  }

  move() {
    let held = null;
    this.svg.onpointerdown = (event) => { held = { x: event.clientX - this.view.x, y: event.clientY - this.view.y, id: event.pointerId, far: false }; };
    this.svg.onpointermove = (event) => {
      if (!held) return;
      const x = event.clientX - held.x, y = event.clientY - held.y;
      if (!held.far && Math.hypot(x - this.view.x, y - this.view.y) < 4) return;
      if (!held.far) { held.far = this.moved = true; this.svg.setPointerCapture(held.id); this.svg.classList.add("held"); }
      this.view.x = x;
      this.view.y = y;
      this.apply();
    };
    this.svg.onpointerup = this.svg.onpointercancel = () => { held = null; this.svg.classList.remove("held"); };
    this.svg.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;  // the page scrolls otherwise
      event.preventDefault();
      const place = this.svg.getBoundingClientRect();
      this.zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15, event.clientX - place.left, event.clientY - place.top);
    }, { passive: false });
  }

  keys() {
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    this.svg.onkeydown = (event) => {
      if (typing(event)) return;
      const way = ways[event.key];
      if (way) { this.step(...way); }
      else if (event.key === "Enter") this.open(this.chosen);
      else if (event.key === "e" || event.key === " ") this.expand(this.chosen);
      else if (event.key === "0") this.fit(0);
      else if (event.key === "+") this.zoom(1.25);
      else if (event.key === "-") this.zoom(1 / 1.25);
      else return;
      event.preventDefault();
      event.stopPropagation();
    };
  }

  step(dx, dy) {
    const here = this.places.get(this.chosen);
    let best = null, least = Infinity;
    for (const [id, at] of this.places) {
      const x = at.x - here.x, y = at.y - here.y, along = x * dx + y * dy, across = Math.abs(x * dy) + Math.abs(y * dx);
      if (along <= 0 || (dx && Math.abs(x) < WIDE / 2)) continue;
      const far = along + 2.5 * across;
      if (far < least) { least = far; best = id; }
    }
    if (best) { this.choose(best); this.show(best); }
  }
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root");
  const told = JSON.stringify(data);
  if (root.weftTold === told) return;  // the page was drawn anew, the graph is the same
  root.weftTold = told;
  new LineageGraph(root, data);
}
