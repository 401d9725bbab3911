// How settings and results go together over all runs that the filter finds: parallel coordinates whose brushes filter the
// table, points, bars, and which settings matter.
const MOST_POINTS = 10_000;
const AXES_SHOWN = 6;

class Relations {
  constructor(tools, host, page) {
    Object.assign(this, { tools, host, page, board: page.board });
    this.node = element("div", "relations");
    this.problem = element("div");
    this.lines = element("section", "parallel");
    this.points = element("section", "scatter");
    this.bars = element("section", "bars");
    this.weights = element("section", "weights");
    const pair = element("div", "pairs");
    pair.append(this.points, this.bars);
    this.node.append(this.problem, this.lines, this.weights, pair);
    host.append(this.node);
    this.sized = new ResizeObserver(() => { if (this.runs && this.node.clientWidth !== this.wide) this.draw(); });
    this.sized.observe(this.node);
  }

  get fields() { return this.page.table.fields.filter((field) => !/^summary\.(system\/|samples$|failed$)/.test(field.name)); }
  get numbers() { return this.fields.filter((field) => field.numbers > field.runs / 2 && field.distinct > 1).map((field) => field.name); }

  target() {
    const { numbers } = this, wish = this.board.get("target");
    return wish || numbers.find((name) => /^summary\..*val.*loss|^summary\..*loss/.test(name)) || numbers.find((name) => name.startsWith("summary.")) || "";
  }

  axes() {
    const chosen = this.board.list("axes");
    if (chosen.length) return chosen;
    const varied = this.fields.filter((field) => field.distinct > 1 && field.name.startsWith("config.") && field.distinct <= 12 + (field.numbers ? 1e9 : 0)).map((field) => field.name);
    return [...varied.slice(0, AXES_SHOWN - 1), this.target()].filter(Boolean);
  }

  follow(set) { if (["sx", "sy", "sc", "axes", "target", "sel"].some((name) => set.has(name))) this.load(); }

  async load() {
    if (!this.fields.length) return;
    const query = this.page.table.query(), target = this.target(), axes = this.axes();
    const names = [...new Set([...axes, target, this.board.get("sx"), this.board.get("sy"), this.board.get("sc"), ...this.defaults()].filter(Boolean))];
    const key = JSON.stringify([query, names, this.page.table.runs.length]);
    try {
      if (key !== this.key) {
        this.key = key;
        const page = await send("/api/runs/rows", { query: { ...query, limit: MOST_POINTS }, fields: ["name", ...names] });
        if (key !== this.key) return;
        this.runs = page.rows.map((row, at) => ({ run_id: page.runs[at], name: row[0], ...Object.fromEntries(names.map((name, column) => [name, row[column + 1]])) }));
      }
      this.problem.replaceChildren();
      this.draw();
      await this.weigh(query, target);
    } catch (error) { this.problem.replaceChildren(errorNode(error)); }
  }

  defaults() {
    const { numbers } = this, target = this.target();
    return [this.board.get("sx") || numbers.find((name) => name.startsWith("config.")) || target, this.board.get("sy") || target];
  }

  picker(name, value, label, options) {
    const node = chooser(options.map((one) => [one, one || "none"]), value);
    node.setAttribute("aria-label", label);
    node.onchange = () => this.board.set({ [name]: node.value });
    return node;
  }

  draw() {
    this.wide = this.node.clientWidth;
    this.drawParallel();
    this.drawScatter();
    this.drawBars();
  }

  colour(run) { return colourOf(run.run_id, this.page.data.palette); }

  drawParallel() {
    const names = this.axes().filter((name) => this.runs.some((run) => run[name] !== null)), head = element("div", "topbar");
    head.append(element("h2", "", "Settings and results"));
    const more = chooser([["", "+ axis"], ...this.fields.filter((field) => field.distinct > 1 && !names.includes(field.name)).map((field) => [field.name, field.name])], "");
    more.setAttribute("aria-label", "Add an axis");
    more.onchange = () => this.board.setList("axes", [...names, more.value]);
    head.append(more, element("span", "soft", "Drag along an axis to filter the table; click a name to take the axis away."));
    this.lines.replaceChildren(head);
    if (names.length < 2) { this.lines.append(element("div", "soft", "There is nothing to set side by side yet: no setting differs between these runs, or none has a result.")); return; }
    new Parallel(this.lines, this, names);
  }

  // Conditions of the table's filter that stand for brushes: an axis has one at most.
  brush(name, condition) {
    const rest = splitConditions(this.board.get("where")).filter((part) => !part.startsWith("(" + filterName(name) + " "));
    this.board.set({ where: [...rest, ...(condition ? [condition] : [])].join(" and "), sel: "" });
  }

  drawScatter() {
    const [x, y] = this.defaults(), colour = this.board.get("sc"), { numbers } = this;
    const head = element("div", "topbar");
    head.append(element("h2", "", "Runs as points"), this.picker("sx", x, "x of the points", numbers), this.picker("sy", y, "y of the points", numbers),
      this.picker("sc", colour, "colour of the points", ["", ...numbers]));
    this.points.replaceChildren(head);
    if (!numbers.length) { this.points.append(element("div", "soft", "No two numbers differ between these runs.")); return; }
    new Scatter(this.points, this, x, y, colour);
  }

  drawBars() {
    const target = this.target(), head = element("div", "topbar");
    head.append(element("h2", "", "Results"), this.picker("target", target, "result", this.numbers));
    this.bars.replaceChildren(head);
    const falling = LESS_IS_MORE.test(target), known = this.runs.map((run) => [run, numeric(run[target])]).filter(([, value]) => Number.isFinite(value)).sort((a, b) => (falling ? a[1] - b[1] : b[1] - a[1]));
    const shown = known.slice(0, 30), most = Math.max(0, ...shown.map(([, value]) => value)), least = Math.min(0, ...shown.map(([, value]) => value));
    const box = element("div", "bar-rows");
    for (const [run, value] of shown) {
      const row = element("a", "bar-row"), track = element("span", "track"), bar = element("span", "bar");
      row.href = "/run?" + new URLSearchParams({ id: run.run_id });
      row.onclick = (event) => follow(event, row.getAttribute("href"));
      const at = (one) => ((one - least) / (most - least || 1)) * 100;
      bar.style.left = at(Math.min(0, value)) + "%";
      bar.style.width = Math.max(0.5, at(Math.max(0, value)) - at(Math.min(0, value))) + "%";
      bar.style.background = this.colour(run);
      track.append(bar);
      const figure = element("span", "r", number(value));
      figure.title = String(value);
      row.append(element("span", "bar-name", run.name), track, figure);
      box.append(row);
    }
    this.bars.append(box, ...(known.length > shown.length ? [element("div", "soft", `The ${falling ? "least" : "greatest"} ${shown.length} of ${count(known.length)}.`)] : []));
  }

  async weigh(query, target) {
    if (!target) { this.weights.replaceChildren(); return; }
    const key = JSON.stringify([query, target]);
    if (key === this.weighed) return;
    this.weighed = key;
    const head = element("div", "topbar");
    head.append(element("h2", "", "What matters for " + titleOf(target)));
    const found = await send("/api/runs/importance", { query: { ...query, limit: MOST_POINTS }, target });
    if (key !== this.weighed) return;
    const table = element("table", "side weights-table"), top = table.createTHead().insertRow();
    for (const [text, title] of [["Setting", ""], ["Importance", "Share of the variance that splits by this setting take away, in 100 extremely randomised trees"], ["", ""], ["Correlation", "Spearman's rank correlation, for numbers"]]) { const cell = element("th", "", text); cell.title = title; top.append(cell); }
    for (const one of found.fields.slice(0, 12)) {
      const row = table.insertRow(), share = plainNumber(one.importance), way = plainNumber(one.correlation);
      row.append(element("th", "", one.name));
      const figure = row.insertCell(), drawn = row.insertCell(), correlation = row.insertCell();
      figure.className = correlation.className = "r";
      figure.textContent = (100 * share).toFixed(1) + " %";
      const bar = element("span", "bar");
      bar.style.width = 100 * share + "%";
      drawn.append(bar);
      drawn.className = "track-cell";
      correlation.textContent = way === null ? MISSING : (way >= 0 ? "+" : "−") + Math.abs(way).toFixed(2);
      correlation.title = way === null ? "words have no order" : String(way);
    }
    const note = found.fields.length ? `${count(found.runs)} runs; ${found.method}. It tells what goes along with the result among these runs, not what causes it.` : `Too few runs have this result (${count(found.runs)}), or no setting differs between them.`;
    this.weights.replaceChildren(head, ...(found.fields.length ? [table] : []), element("div", "soft", note));
  }

  stop() { this.sized.disconnect(); }
}

// The parts of a filter that stand between ands on the outermost level.
function splitConditions(where) {
  const parts = [];
  let depth = 0, quote = "", part = "";
  for (const token of where.split(/("|'|\(|\)|\s+and\s+)/i)) {
    if (quote) { if (token === quote) quote = ""; } else if (token === '"' || token === "'") quote = token;
    else if (token === "(") depth++;
    else if (token === ")") depth--;
    else if (!depth && /^\s+and\s+$/i.test(token)) { parts.push(part.trim()); part = ""; continue; }
    part += token;
  }
  return [...parts, part.trim()].filter(Boolean);
}

// The scale of an axis: numbers by size (by their logarithm where they span decades), words in order.
function scaleOf(values) {
  const known = values.filter((value) => value !== null && value !== undefined), numbers = known.map(numeric);
  if (known.length && numbers.every((value) => value !== null) && known.some((value) => typeof value !== "boolean")) {
    const finite = numbers.filter(Number.isFinite), low = Math.min(...finite), high = Math.max(...finite);
    const log = low > 0 && high / low > 50, [from, to] = log ? [Math.log10(low), Math.log10(high)] : [low, high];
    return { words: null, log, low, high, at: (value) => { const one = numeric(value); return !Number.isFinite(one) ? null : to === from ? 0.5 : ((log ? Math.log10(one) : one) - from) / (to - from); },
      back: (share) => (log ? 10 ** (from + share * (to - from)) : from + share * (to - from)),
      ticks() {
        const few = [...new Set(finite)];
        return few.length <= 6 ? few : (log ? [0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1]).map(this.back);
      } };
  }
  const words = [...new Set(known.map(plainText))].sort();
  return { words, at: (value) => (value === null || value === undefined ? null : words.length < 2 ? 0.5 : words.indexOf(plainText(value)) / (words.length - 1)), back: null };
}

class Parallel {
  constructor(host, relations, names) {
    Object.assign(this, { relations, names });
    this.scales = names.map((name) => scaleOf(relations.runs.map((run) => run[name])));
    this.node = element("div", "plot tall");
    this.canvas = element("canvas");
    this.node.append(this.canvas);
    host.append(this.node);
    this.labels();
    this.draw();
    this.node.onpointermove = (event) => this.over(event);
    this.node.onpointerleave = () => { this.bright = null; this.draw(); };
    this.node.onpointerdown = (event) => this.press(event);
  }

  x(at) { return 60 + (at * (this.node.clientWidth - 120)) / (this.names.length - 1); }
  y(share) { return 30 + (1 - share) * (this.node.clientHeight - 52); }

  labels() {
    this.names.forEach((name, at) => {
      const label = button(titleOf(name), `${name}: take this axis away`, () => this.relations.board.setList("axes", this.names.filter((one) => one !== name)), "quiet axis-name");
      label.style.left = this.x(at) + "px";
      this.node.append(label);
    });
  }

  draw(drag) {
    const { canvas, relations } = this, ratio = window.devicePixelRatio || 1, wide = this.node.clientWidth, tall = this.node.clientHeight;
    canvas.width = wide * ratio;
    canvas.height = tall * ratio;
    const pen = canvas.getContext("2d"), ink = inkOf(this.node);
    pen.scale(ratio, ratio);
    const last = this.scales[this.scales.length - 1], runs = relations.runs, alpha = runs.length > 300 ? 0.15 : runs.length > 60 ? 0.4 : 0.8;
    for (const run of [...runs, ...runs.filter((one) => one.run_id === this.bright)]) {
      const bright = run.run_id === this.bright;
      pen.strokeStyle = relations.colour(run);
      pen.globalAlpha = bright ? 1 : this.bright ? alpha / 3 : alpha;
      pen.lineWidth = bright ? 3 : 1.2;
      pen.beginPath();
      let down = false;
      this.names.forEach((name, at) => {
        const share = this.scales[at].at(run[name]);
        if (share === null) { down = false; return; }
        down ? pen.lineTo(this.x(at), this.y(share)) : pen.moveTo(this.x(at), this.y(share));
        down = true;
      });
      pen.stroke();
    }
    pen.globalAlpha = 1;
    pen.font = "11px " + ink.font;
    this.names.forEach((name, at) => {
      const scale = this.scales[at], x = Math.round(this.x(at)) + 0.5;
      pen.strokeStyle = ink.soft;
      pen.lineWidth = 1;
      pen.beginPath(); pen.moveTo(x, this.y(1)); pen.lineTo(x, this.y(0)); pen.stroke();
      pen.fillStyle = ink.soft;
      pen.textAlign = "right";
      const ticks = scale.words ? scale.words.slice(0, 12).map((word) => [scale.at(word), word.length > 16 ? word.slice(0, 15) + "…" : word])  : scale.ticks().map((value) => [scale.at(value), shortNumber(Number(value.toPrecision(3)))]);
      for (const [share, text] of ticks) {
        const place = x - 5, y = this.y(share) + 3.5;
        pen.lineWidth = 4;
        pen.lineJoin = "round";
        pen.strokeStyle = ink.paper;
        pen.strokeText(text, place, y);
        pen.fillText(text, place, y);
      }
      const own = splitConditions(relations.board.get("where")).find((part) => part.startsWith("(" + filterName(name) + " "));
      const range = drag && drag.at === at ? [drag.from, drag.to] : null;
      if (range || own) {
        pen.fillStyle = ink.wash;
        const [a, b] = range ?? [this.y(1), this.y(0)];
        pen.fillRect(x - 7, Math.min(a, b), 14, Math.abs(b - a));
      }
    });
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${runs.length} runs over ${this.names.join(", ")}; last axis from ${last.low ?? last.words?.[0]} to ${last.high ?? last.words?.at(-1)}`);
  }

  place(event) { const box = this.node.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; }

  over(event) {
    if (this.dragged) return;
    const [x, y] = this.place(event), step = (this.node.clientWidth - 120) / (this.names.length - 1);
    const at = Math.min(this.names.length - 2, Math.max(0, Math.floor((x - 60) / step))), part = (x - this.x(at)) / step;
    let best = null;
    for (const run of this.relations.runs) {
      const a = this.scales[at].at(run[this.names[at]]), b = this.scales[at + 1].at(run[this.names[at + 1]]);
      if (a === null || b === null) continue;
      const away = Math.abs(this.y(a + (b - a) * part) - y);
      if (away < 12 && (!best || away < best.away)) best = { run, away };
    }
    this.node.title = best ? best.run.name : "";
    const bright = best ? best.run.run_id : null;
    if (bright !== this.bright) { this.bright = bright; this.relations.board.glow(bright); window.cancelAnimationFrame(this.frame); this.frame = window.requestAnimationFrame(() => this.draw()); }
  }

  press(event) {
    const [x, from] = this.place(event), at = this.names.findIndex((_, one) => Math.abs(this.x(one) - x) < 14);
    if (at < 0 || event.target !== this.canvas) return;
    event.preventDefault();
    this.dragged = true;
    const move = (moved) => { window.cancelAnimationFrame(this.frame); this.frame = window.requestAnimationFrame(() => this.draw({ at, from, to: this.place(moved)[1] })); };
    const up = (end) => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
      this.dragged = false;
      this.brushed(at, from, this.place(end)[1]);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
  }

  brushed(at, from, to) {
    const name = this.names[at], scale = this.scales[at], share = (y) => Math.min(1, Math.max(0, 1 - (y - 30) / (this.node.clientHeight - 52)));
    if (Math.abs(to - from) < 5) { this.relations.brush(name, ""); return; }
    const [low, high] = [share(from), share(to)].sort((a, b) => a - b);
    if (scale.words) {
      const inside = scale.words.filter((word) => scale.at(word) >= low - 0.02 && scale.at(word) <= high + 0.02);
      const values = [...new Set(this.relations.runs.map((run) => run[name]).filter((value) => value !== null && inside.includes(plainText(value))))];
      this.relations.brush(name, values.length ? `(${values.map((value) => hasValue(name, value)).join(" or ")})` : "");
    } else this.relations.brush(name, `(${filterName(name)} >= ${Number(scale.back(low).toPrecision(4))} and ${filterName(name)} <= ${Number(scale.back(high).toPrecision(4))})`);
  }
}

class Scatter {
  constructor(host, relations, x, y, by) {
    const node = element("div", "plot"), canvas = element("canvas");
    node.append(canvas);
    host.append(node);
    const runs = relations.runs.map((run) => ({ run, x: numeric(run[x]), y: numeric(run[y]), by: by ? numeric(run[by]) : null })).filter((one) => Number.isFinite(one.x) && Number.isFinite(one.y));
    const [across, up] = [scaleOf(runs.map((one) => one.x)), scaleOf(runs.map((one) => one.y))], shade = by ? scaleOf(runs.map((one) => one.by)) : null;
    const ratio = window.devicePixelRatio || 1, wide = node.clientWidth, tall = node.clientHeight, ink = inkOf(node), pen = canvas.getContext("2d");
    canvas.width = wide * ratio;
    canvas.height = tall * ratio;
    pen.scale(ratio, ratio);
    pen.font = "11px " + ink.font;
    const place = (one) => [56 + (across.at(one.x) ?? 0.5) * (wide - 72), 10 + (1 - (up.at(one.y) ?? 0.5)) * (tall - 52)];
    pen.fillStyle = ink.soft;
    pen.strokeStyle = ink.grid;
    if (runs.length) for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      const left = 56 + share * (wide - 72), top = 10 + (1 - share) * (tall - 52);
      pen.beginPath(); pen.moveTo(56, top); pen.lineTo(wide - 16, top); pen.stroke();
      pen.textAlign = "right"; pen.fillText(shortNumber(Number(up.back(share).toPrecision(3))), 50, top + 4);
      pen.textAlign = "center"; pen.fillText(shortNumber(Number(across.back(share).toPrecision(3))), left, tall - 26);
    }
    pen.fillText(x + (across.log ? " (log)" : ""), 56 + (wide - 72) / 2, tall - 8);
    for (const one of runs) {
      pen.fillStyle = shade ? mixed(ink.ink, relations.page.data.palette[0], 1 - (shade.at(one.by) ?? 0)) : relations.colour(one.run);
      pen.globalAlpha = 0.85;
      pen.beginPath(); pen.arc(...place(one), runs.length > 1000 ? 2 : 4, 0, 7); pen.fill();
    }
    pen.globalAlpha = 1;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${runs.length} runs: ${y} over ${x}`);
    const nearest = (event) => {
      const box = node.getBoundingClientRect(), at = [event.clientX - box.left, event.clientY - box.top];
      return runs.reduce((best, one) => { const [a, b] = place(one), away = Math.hypot(a - at[0], b - at[1]); return away < 14 && (!best || away < best.away) ? { one, away } : best; }, null);
    };
    node.onpointermove = (event) => {
      const best = nearest(event);
      node.title = best ? `${best.one.run.name}: ${x} ${best.one.x}, ${y} ${best.one.y}` : "";
      relations.board.glow(best ? best.one.run.run_id : null);
    };
    node.onclick = (event) => { const best = nearest(event); if (best) relations.page.table.tick([best.one.run.run_id], !relations.page.table.ticked.includes(best.one.run.run_id)); };
  }
}
