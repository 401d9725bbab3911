// How settings and results go together over all runs that the filter finds: parallel coordinates whose brushes filter the
// table, points, bars, and which settings matter.
const MOST_POINTS = 10_000;
const AXES_SHOWN = 6;

class Relations {
  constructor(tools, host, page) {
    Object.assign(this, { tools, host, page, board: page.board });
    this.node = element("div", "relations");
    this.problem = element("div");
    this.lines = element("section", "lines-part");
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
    const { runs } = this, names = this.axes().filter((name) => runs.some((run) => run[name] !== null));
    if (!this.parallel) {
      this.parallel = new Parallel(this.lines, "Settings and results", {
        pointed: (row) => this.board.glow(row === null ? null : this.runs[row].run_id),
        picked: (row) => { const { run_id } = this.runs[row], { table } = this.page; table.tick([run_id], !table.ticked.includes(run_id)); },
        brushed: (brushes) => this.brush(brushes),
        arranged: (list) => this.board.setList("axes", list),
        lines: (row) => [this.runs[row].name, ...this.axes().map((name) => [titleOf(name), numeric(this.runs[row][name]) === null ? plainText(this.runs[row][name]) : number(this.runs[row][name], 4)])],
      });
      this.more = chooser([], "");
      this.more.setAttribute("aria-label", "Add an axis");
      this.more.onchange = () => this.board.setList("axes", [...this.parallel.names, this.more.value]);
      this.parallel.controls.append(this.more);
      this.parallel.rows = () => [["run", ...this.parallel.names], ...this.runs.map((run) => [run.name, ...this.parallel.names.map((name) => plainNumber(run[name]))])];
    }
    const left = this.fields.filter((field) => field.distinct > 1 && !names.includes(field.name)).map((field) => [field.name, field.name]);
    this.more.replaceChildren(...[["", "+ axis"], ...left].map(([value, text]) => new Option(text, value)));
    const axes = names.map((name) => { const values = runs.map((run) => run[name]), scale = scaleOf(values); return { name, title: titleOf(name), scale, shares: sharesOf(values, scale) }; });
    const colours = [...new Set(runs.map((run) => this.colour(run)))];
    this.parallel.set({ axes, count: runs.length, shades: Uint8Array.from(runs, (run) => colours.indexOf(this.colour(run))), colours, brushes: this.brushes(axes) });
    this.parallel.say(names.length < 2 ? "There is nothing to set side by side yet: no setting differs between these runs, or none has a result."
      : `${count(runs.length)} runs over ${names.map(titleOf).join(", ")}. Drag along an axis to filter the table; drag a name to move its axis.`);
  }

  // What the table's filter says of an axis stands there as a brush over all that is left.
  brushes(axes) {
    const parts = splitConditions(this.board.get("where"));
    return new Map(axes.filter(({ name }) => parts.some((part) => this.isOf(part, name))).map(({ name }) => [name, [0, 1]]));
  }

  isOf(part, name) { return part.startsWith("(" + filterName(name) + " "); }

  // Conditions of the table's filter that stand for brushes: an axis has one at most.
  brush(brushes) {
    const { axes } = this.parallel, whole = ([low, high]) => low <= 0 && high >= 1;
    let parts = splitConditions(this.board.get("where"));
    for (const axis of axes) {
      const range = brushes.get(axis.name);
      if (range && whole(range)) continue;
      parts = parts.filter((part) => !this.isOf(part, axis.name));
      if (range) parts.push(this.condition(axis, range));
    }
    this.board.set({ where: parts.filter(Boolean).join(" and "), sel: "" });
  }

  condition({ name, scale }, [low, high]) {
    if (!scale.words) return `(${filterName(name)} >= ${Number(scale.back(Math.max(0, low)).toPrecision(4))} and ${filterName(name)} <= ${Number(scale.back(high).toPrecision(4))})`;
    const inside = scale.words.filter((word) => scale.at(word) >= low && scale.at(word) <= high);
    const values = [...new Set(this.runs.map((run) => run[name]).filter((value) => value !== null && inside.includes(plainText(value))))];
    return values.length ? `(${values.map((value) => hasValue(name, value)).join(" or ")})` : "";
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
    if (!target) { this.weights.replaceChildren(); this.explained = null; return; }
    const key = JSON.stringify([query, target]);
    if (key === this.weighed) return;
    this.weighed = key;
    const found = await send("/api/runs/importance", { query: { ...query, limit: MOST_POINTS }, target });
    if (key !== this.weighed) return;
    this.explained ??= new ImportanceBars(this.weights, "What explains a result");
    this.explained.set(found.fields, importanceSaid(found, titleOf(target), "run") + (found.fields.length ? " It tells what goes along with the result among these runs, not what causes it." : ""));
  }

  stop() {
    this.sized.disconnect();
    this.parallel?.destroy();
    this.explained?.destroy();
  }
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
