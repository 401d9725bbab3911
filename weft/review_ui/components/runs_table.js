// The table of runs: chosen columns, of which order and width stay, rows as they come in sight, sorted and filtered by the
// server. What is ticked is drawn; where nothing is, the first of the table are.
const ROWS_AT_ONCE = 100;
const REFRESH_MS = 4000;
const NAME_LEAST = 90;
const NAMES_MEASURED = 50;
const DOT = 18;  // of the run's colour, before its name
const ALWAYS = ["name", "kind", "status", "started", "ended", "tags", "group", "definitions", "failure"];

class RunsTable {
  constructor(host, board, data, drawn) {
    Object.assign(this, { host, board, data, drawn });
    this.runs = [];
    this.fields = [];
    this.groups = null;
    this.opened = new Set();
    this.at = -1;
    this.build();
  }

  build() {
    this.node = element("div", "runs");
    this.head = element("div", "runs-head");
    this.head.setAttribute("role", "row");
    this.scroll = element("div", "runs-scroll");
    this.scroll.setAttribute("role", "grid");
    this.scroll.setAttribute("aria-label", "Runs");
    this.canvas = element("div", "runs-canvas");
    this.problem = element("div");
    this.scroll.append(this.head, this.canvas);
    this.node.append(this.problem, this.scroll);
    this.host.append(this.node);
    this.sight = new VirtualRows(this.scroll, this.canvas, (places) => this.made(places), { reached: (last) => { if (this.cursor && last >= this.rows.length - 10) this.extend(); } });
    this.sized = new ResizeObserver(() => this.spread());
    this.sized.observe(this.scroll);
    this.canvas.addEventListener("pointerover", (event) => this.hover(event));
    this.canvas.addEventListener("pointerleave", () => this.board.bright(null));
  }

  query() {
    const { board } = this, [, sign, name] = board.get("order").match(/^(-?)(.*)$/), where = board.get("where");
    const kept = board.get("archived") === "1" ? `"${ARCHIVED}" in tags` : `not "${ARCHIVED}" in tags`;
    const wish = { project: this.data.project, order: sign + (ORDERS[name] ?? name), text: board.get("q"), where: where ? `(${where}) and ${kept}` : kept, kind: board.get("kind"), status: board.get("status") };
    return Object.fromEntries(Object.entries(wish).filter(([, value]) => value !== ""));
  }

  get columns() {
    const chosen = this.board.list("cols");
    if (chosen.length) return chosen;
    return ["status", ...this.usual(), "started", "duration", "tags"].map((name) => [name, widthOf(name)]);
  }

  // Config values by which the runs differ, and their results, where at least half of the runs have them; not what define_metric hides.
  usual() {
    const half = Math.max(1, this.looked / 2), often = this.fields.filter((field) => field.runs >= half && !field.hidden);
    const config = often.filter((field) => field.name.startsWith("config.") && field.distinct > 1 && field.runs >= 2).slice(0, 3);
    const results = often.filter((field) => /^summary\.(?!system\/|samples$|failed$)/.test(field.name) && field.numbers >= half).sort((a, b) => interestOf(a.name) - interestOf(b.name));
    return [...results.slice(0, 4), ...config].map((field) => field.name);
  }

  wish() { return [...new Set([...ALWAYS, ...this.columns.map(([name]) => name), ...(this.board.get("group") ? [this.board.get("group")] : [])])]; }

  async load() {
    const turn = (this.turn = (this.turn || 0) + 1), query = this.query();
    this.node.classList.add("busy");
    const slow = window.setTimeout(() => this.tell("Still waiting for the server: many runs, or a filter that reads all of them."), 10_000);
    try {
      const known = JSON.stringify({ ...query, order: "" });
      const asking = this.known === known ? null : send("/api/runs/fields", { query: { ...query, order: "-started_at" } });
      const [{ count: total }, looked] = await Promise.all([ask("/api/runs/count?" + new URLSearchParams(query)), asking]);
      if (looked) { this.fields = looked.fields; this.looked = looked.runs; }
      const groups = await this.grouped(query), found = await this.page(query, ROWS_AT_ONCE, null);
      if (turn !== this.turn) return;
      Object.assign(this, { known, groups, total: plainNumber(total), runs: found.runs, cursor: found.cursor });
      this.problem.replaceChildren();
      this.render();
      this.drawn();
    } catch (error) {
      error.message = error.message.replace(/Column (\d+)/, (_, column) => "Column " + (column - 1));  // of what the reader wrote, not of what was sent
      if (turn === this.turn) { this.problem.replaceChildren(errorNode(error)); this.drawn(error); }
    } finally {
      window.clearTimeout(slow);
      if (turn === this.turn) this.node.classList.remove("busy");
      this.later();
    }
  }

  tell(text) { this.problem.replaceChildren(element("div", "soft", text)); }

  async page(query, limit, cursor) {
    const fields = this.wish(), page = await send("/api/runs/rows", { query: { ...query, limit, ...(cursor ? { cursor } : {}) }, fields });
    return { cursor: page.cursor, runs: page.rows.map((row, at) => ({ run_id: page.runs[at], ...Object.fromEntries(fields.map((name, column) => [name, row[column]])) })) };
  }

  async extend() {
    if (this.extending || !this.cursor || this.groups) return;
    this.extending = true;
    const { turn } = this;
    try {
      const found = await this.page(this.query(), ROWS_AT_ONCE, this.cursor);
      if (turn !== this.turn) return;
      this.runs.push(...found.runs);
      this.cursor = found.cursor;
      this.render();
    } catch (error) { this.problem.replaceChildren(errorNode(error)); } finally { this.extending = false; }
  }

  later() {
    window.clearTimeout(this.timer);
    if (!this.stopped) this.timer = window.setTimeout(() => this.refresh(), REFRESH_MS);
  }

  // What is in sight is read anew while runs go on: their state and results, and runs that have begun.
  async refresh() {
    const { turn } = this;
    try {
      if (!document.hidden && !this.editing && this.runs.length && !this.board.get("group")) {
        const first = await this.page(this.query(), ROWS_AT_ONCE, null);
        if (turn !== this.turn) return;
        const states = (runs) => runs.map((run) => run.run_id + run.status).join(), old = JSON.stringify(this.runs.slice(0, first.runs.length));
        if (this.runs.length <= ROWS_AT_ONCE && states(first.runs) !== states(this.runs)) {  // how many there are, and their fields
          this.known = null;
          await this.load();
          return;
        }
        if (this.runs.length <= ROWS_AT_ONCE) Object.assign(this, first);
        else {
          const fresh = new Map(first.runs.map((run) => [run.run_id, run]));
          this.runs = this.runs.map((run) => fresh.get(run.run_id) ?? run);
        }
        if (JSON.stringify(this.runs.slice(0, first.runs.length)) !== old) { this.render(); this.drawn(); }
      }
    } catch { /* the next turn asks again */ }
    if (turn === this.turn) this.later();
  }

  get ticked() { return this.board.get("sel").split(",").filter(Boolean); }

  tick(ids, on) {
    const set = new Set(this.ticked);
    for (const id of ids) on ? set.add(id) : set.delete(id);
    this.board.set({ sel: [...set].join(",") }, false);
  }

  // One line; with the shift key all from the one before.
  pick(at, on, range) {
    const [from, to] = range && this.last !== undefined ? [this.last, at].sort((a, b) => a - b) : [at, at];
    this.last = at;
    this.tick(this.rows.slice(from, to + 1).filter(({ run }) => run).map(({ run }) => run.run_id), on);
  }

  // The runs that are drawn.
  chosen() {
    const ticked = new Set(this.ticked), most = this.board.get("group") ? 100 : Number(this.board.get("first")) || 10;
    const all = this.groups ? [...this.runs, ...this.groups.flatMap((group) => group.loaded ?? []).filter((run) => !this.runs.some((one) => one.run_id === run.run_id))] : this.runs;
    const of = ticked.size ? all.filter((run) => ticked.has(run.run_id)) : this.runs.slice(0, most);
    return of.map((run) => ({ ...run, group: this.board.get("group") ? groupName(run[this.board.get("group")]) : null }));
  }

  // Groups with their figures; how many of each status there are is told apart and put together again.
  async grouped(query) {
    const by = this.board.get("group");
    if (!by) return null;
    const metrics = this.columns.map(([name]) => name).filter((name) => name === "duration" || this.right(name)).map((name) => ORDERS[name] ?? name);
    const [found] = await Promise.all([send("/api/runs/groups", { query, by: [...new Set([by, "status"])], metrics }), by === "group" ? this.nameSweeps() : null]);
    const groups = new Map();
    for (const one of found) {
      const value = one.keys[by], key = groupName(value);
      if (!groups.has(key)) groups.set(key, { key, value, runs: 0, statuses: new Map(), figures: new Map(), loaded: null });
      const group = groups.get(key), runs = plainNumber(one.runs);
      group.runs += runs;
      group.statuses.set(one.keys.status, (group.statuses.get(one.keys.status) || 0) + runs);
      for (const [name, [mean, low, high, n]] of Object.entries(one.figures)) if (n) {
        const old = group.figures.get(name) ?? { sum: 0, low: Infinity, high: -Infinity, n: 0 };
        group.figures.set(name, { sum: old.sum + plainNumber(mean) * n, low: Math.min(old.low, plainNumber(low)), high: Math.max(old.high, plainNumber(high)), n: old.n + n });
      }
    }
    return [...groups.values()].sort((a, b) => b.runs - a.runs || (a.key < b.key ? -1 : 1));
  }

  // Runs of a sweep are a group under its id, which nobody reads; without its name it is told by that.
  async nameSweeps() {
    const told = await ask(`/api/projects/${encodeURIComponent(this.data.project)}/sweeps`).catch(() => []);
    this.sweeps = new Map(told.map(({ sweep }) => [sweep.sweep_id, sweep]));
  }

  // The runs of a group, the first of the order; what the table shows of them.
  async open(group) {
    if (group.loaded) return;
    const query = this.query(), where = `${query.where} and ${hasValue(this.board.get("group"), group.value)}`;
    try { group.loaded = (await this.page({ ...query, where }, ROWS_AT_ONCE, null)).runs; } catch (error) { this.problem.replaceChildren(errorNode(error)); }
  }

  lines() {
    if (!this.groups) return this.runs.map((run) => ({ run }));
    return this.groups.flatMap((group) => [{ group }, ...(this.opened.has(group.key) ? (group.loaded ?? []).map((run) => ({ run, inside: true })) : [])]);
  }

  render() {
    this.spread();
    this.header();
    this.rows = this.lines();
    this.scroll.setAttribute("aria-rowcount", String(this.total ?? this.rows.length));
    this.sight.show(this.rows.length, this.cursor ? 1 : 0);
  }

  // Columns as wide as was asked for. Where not all of them fit, the name takes what the last whole one leaves: none is cut in its middle.
  spread() {
    const widths = this.columns.map(([name, width]) => width || widthOf(name)), chosen = this.board.widthOf("name"), room = this.scroll.clientWidth - 30;
    const names = this.groups ? [] : this.runs.slice(0, NAMES_MEASURED).map((run) => run.name), least = names.length ? roomFor(this.scroll, names, NAME_LEAST, WIDTHS.name - DOT) + DOT : WIDTHS.name;
    let fits = 0, sum = 0;
    while (fits < widths.length && (chosen ?? least) + sum + widths[fits] <= room) sum += widths[fits++];
    const name = chosen ?? (fits && fits < widths.length ? room - sum : WIDTHS.name);
    this.scroll.style.setProperty("--columns", `30px minmax(${name}px, 1fr) ` + widths.map((width) => width + "px").join(" "));
    this.scroll.style.setProperty("--wide", 30 + name + widths.reduce((all, width) => all + width, 0) + "px");
  }

  header() {
    const all = element("input"), order = this.board.get("order"), cells = [];
    all.type = "checkbox";
    all.setAttribute("aria-label", "tick all that are loaded");
    all.checked = this.runs.length > 0 && this.runs.every((run) => this.ticked.includes(run.run_id));
    all.onclick = () => this.tick(this.runs.map((run) => run.run_id), all.checked);
    const first = element("div", "cell check");
    first.append(all);
    cells.push(first);
    for (const [name, width] of [["name", 0], ...this.columns]) {
      const cell = element("div", "cell" + (this.right(name) ? " r" : "") + (name === "name" ? " first" : ""));
      cell.setAttribute("role", "columnheader");
      cell.title = name;
      if (SORTABLE.test(name)) {
        const sorted = order.replace(/^-/, "") === name || order.replace(/^-/, "") === ORDERS[name], down = order.startsWith("-");
        if (sorted) cell.setAttribute("aria-sort", down ? "descending" : "ascending");
        cell.append(button(titleOf(name) + (sorted ? (down ? " ↓" : " ↑") : ""), "Sort by " + name, () => this.board.set({ order: sorted && !down ? "-" + name : sorted && down ? name : ((this.right(name) || name === "started") && !LESS_IS_MORE.test(name) ? "-" : "") + name }), "quiet sort"));
      } else cell.append(element("span", "soft", titleOf(name)));
      if (name !== "name") movableColumn(cell, name, (from, to) => this.board.moveColumn(this.columns, from, to));
      cell.append(this.edge(name, width || (name === "name" ? this.board.widthOf("name") : null) || widthOf(name)));
      cells.push(cell);
    }
    this.head.replaceChildren(...cells);
  }

  // The right edge of a column, by which it is made wider or narrower.
  edge(name, width) {
    const node = element("span", "edge");
    node.tabIndex = 0;
    node.setAttribute("role", "separator");
    node.setAttribute("aria-label", "Width of " + titleOf(name));
    const put = (wide) => this.board.setWidth(this.columns, name, Math.round(Math.min(600, Math.max(48, wide))));
    node.onkeydown = (event) => {
      const by = { ArrowLeft: -8, ArrowRight: 8 }[event.key];
      if (by) { event.preventDefault(); event.stopPropagation(); put(width + by); }
    };
    node.onpointerdown = (event) => {
      event.preventDefault();
      event.stopPropagation();
      const from = event.clientX;
      const up = (end) => { window.removeEventListener("pointerup", up); put(width + end.clientX - from); };
      window.addEventListener("pointerup", up);
    };
    return node;
  }

  right(name) {
    const field = this.fields.find((one) => one.name === name);
    return name === "duration" || Boolean(field && field.numbers > field.runs / 2);
  }

  made(places) {
    const ticked = new Set(this.ticked), drawn = new Set(this.chosen().map((run) => run.run_id));
    return places.map((at) => this.line(this.rows[at], at, ticked, drawn));
  }

  line({ run, group, inside }, at, ticked, drawn) {
    const node = element("div", "row" + (group ? " group" : "") + (at === this.at ? " at" : "") + (inside ? " inside" : ""));
    if (group) this.groupLine(node, group, ticked);
    else this.runLine(node, run, ticked, drawn, at);
    return node;
  }

  runLine(node, run, ticked, drawn, at) {
    const colour = colourOf(run.run_id, this.data.palette), box = element("input"), check = element("div", "cell check"), name = element("div", "cell first");
    node.dataset.run = run.run_id;
    if (run.run_id === this.glowing) node.classList.add("bright");
    box.type = "checkbox";
    box.checked = ticked.has(run.run_id);
    box.setAttribute("aria-label", "draw " + run.name);
    box.onclick = (event) => this.pick(at, box.checked, event.shiftKey);
    check.append(box);
    const dot = element("span", "dot" + (drawn.has(run.run_id) ? "" : " off"));
    dot.style.setProperty("--colour", colour);
    const link = element("a", "", run.name);
    link.href = (run.kind === "eval" ? "/evaluation?" : "/run?") + new URLSearchParams({ id: run.run_id });
    link.title = run.name + " · " + run.run_id;
    link.dir = "auto";  // a name that is written from right to left is cut at its end
    link.onclick = (event) => { event.stopPropagation(); follow(event, link.getAttribute("href")); };
    const show = () => { link.firstChild.data = run.name; name.replaceChildren(dot, link, edit); };
    const edit = this.pencil("✎", "Rename " + run.name, () => this.write(name, "Name of the run", run.name, async (words) => { if (words) { await changeRun(run.run_id, { name: words }); run.name = words; } }, show));
    show();
    node.append(check, name, ...this.columns.map(([field]) => this.cell(run, field)));
    node.onmousedown = (event) => { if (event.shiftKey) event.preventDefault(); };  // no text is marked
    node.onclick = (event) => { if (!event.target.closest("input, a, button")) this.pick(at, !box.checked, event.shiftKey); };
  }

  cell(run, field) {
    const value = run[field], node = element("div", "cell");
    node.setAttribute("role", "gridcell");
    if (field === "status") {
      const why = run.failure ? `${run.failure.type ?? "failed"}: ${run.failure.message ?? ""}` : run.status;
      node.append(statusNode(run.status));
      node.title = why;
    } else if (field === "started" || field === "ended") {
      node.textContent = ago(value);
      node.title = value ? moment(value) : "not recorded";
    } else if (field === "duration") {
      node.classList.add("r");
      const took = value ?? (run.status === "running" && run.started ? Date.now() * 1e6 - plainNumber(run.started) : null);
      node.textContent = duration(took);
      node.title = value === null ? "still running, or its end was not recorded" : duration(value);
    } else if (field === "tags") this.tags(node, run);
    else {
      const figure = numeric(value);
      node.classList.toggle("r", this.right(field));
      node.textContent = figure === null || typeof value === "boolean" ? plainText(value) : Number.isNaN(figure) ? "NaN" : number(figure);
      node.title = value === null || value === undefined ? "this run has no " + field : plainText(value);
    }
    return node;
  }

  tags(node, run) {
    node.classList.add("tags");
    const show = () => {
      const chips = (run.tags || []).map((tag) => element("span", "tag", tag));
      node.replaceChildren(...chips, this.pencil(chips.length ? "✎" : "+ tag", "Edit tags of " + run.name, () => this.write(node, "Tags of " + run.name, (run.tags || []).join(", "), keep, show)));
      node.title = (run.tags || []).join(", ") || "no tags";
    };
    const keep = async (words) => {
      const tags = [...new Set(words.split(",").map((tag) => tag.trim()).filter(Boolean))];
      await changeRun(run.run_id, { tags });
      run.tags = tags;
    };
    show();
  }

  pencil(text, title, act) {
    const node = button(text, title, (event) => { event.stopPropagation(); act(); }, "quiet edit");
    node.setAttribute("aria-label", title);
    return node;
  }

  // A field in place of what a cell shows: enter and leaving it keep the words, escape does not.
  write(node, label, text, keep, show) {
    const field = input(text, label);
    field.setAttribute("aria-label", label);
    this.editing = true;
    const done = async (kept) => {
      if (!this.editing) return;
      this.editing = false;
      const words = field.value.trim();
      try { if (kept && words !== text) await keep(words); } catch (error) { this.problem.replaceChildren(errorNode(error)); }
      show();
    };
    field.onkeydown = (event) => { event.stopPropagation(); if (event.key === "Enter") done(true); if (event.key === "Escape") done(false); };
    field.onblur = () => done(true);
    field.onclick = (event) => event.stopPropagation();
    node.replaceChildren(field);
    field.focus();
    field.select();
  }

  groupLine(node, group, ticked) {
    const ids = (group.loaded ?? []).map((run) => run.run_id), box = element("input"), check = element("div", "cell check"), name = element("div", "cell first");
    box.type = "checkbox";
    box.checked = ids.length > 0 && ids.every((id) => ticked.has(id));
    box.indeterminate = !box.checked && ids.some((id) => ticked.has(id));
    box.setAttribute("aria-label", "draw the group " + group.key);
    box.onclick = async () => {
      const on = box.checked;
      await this.open(group);
      this.tick((group.loaded ?? []).map((run) => run.run_id), on);
    };
    check.append(box);
    const dot = element("span", "dot"), open = this.opened.has(group.key);
    dot.style.setProperty("--colour", colourOf(group.key, this.data.palette));
    const sweep = this.sweeps?.get(group.key);
    const twist = button((open ? "▾ " : "▸ ") + (sweep?.name ?? group.key), "Runs of this group", () => this.unfold(group), "quiet");
    twist.setAttribute("aria-expanded", String(open));
    const leads = sweep ? [linkTo("↗", "/sweep?" + new URLSearchParams({ id: sweep.sweep_id, project: sweep.project }))] : [];
    for (const link of leads) {
      link.className = "lead";
      link.title = "The page of the sweep " + sweep.name;
      link.setAttribute("aria-label", link.title);
    }
    name.append(dot, twist, ...leads, element("span", "soft", count(group.runs) + (group.runs === 1 ? " run" : " runs")));
    node.append(check, name, ...this.columns.map(([field]) => this.groupCell(group, field)));
  }

  async unfold(group) {
    if (this.opened.has(group.key)) this.opened.delete(group.key);
    else { this.opened.add(group.key); await this.open(group); }
    this.render();
  }

  groupCell(group, field) {
    const node = element("div", "cell"), figures = group.figures.get(ORDERS[field] ?? field);
    if (field === "status") {
      node.textContent = [...group.statuses].map(([status, n]) => (MARKS[status] ?? "●") + " " + n).join("  ");
      node.title = [...group.statuses].map(([status, n]) => n + " " + status).join(", ");
    } else if (figures) {
      const mean = figures.sum / figures.n;
      node.classList.add("r");
      node.textContent = field === "duration" ? duration(mean * 1e9) : number(mean);
      node.title = `mean ${mean}, from ${figures.low} to ${figures.high}, n=${figures.n}`;
      if (figures.n > 1 && figures.high > figures.low) node.append(rangeBar(figures, this.groups, ORDERS[field] ?? field));
    }
    return node;
  }

  hover(event) {
    const row = event.target.closest(".row");
    this.board.bright(row ? row.dataset.run ?? null : null);
  }

  glow(run) {
    this.glowing = run;
    for (const node of this.canvas.children) node.classList.toggle("bright", Boolean(run) && node.dataset.run === run);
  }

  move(by) {
    if (!this.rows?.length) return;
    this.at = Math.min(this.rows.length - 1, Math.max(0, this.at + by));
    this.sight.bring(this.at);
    this.sight.again();
  }

  press(key) {
    if (key === "j" || key === "k") { this.move(key === "j" ? 1 : -1); return true; }
    const line = this.rows?.[this.at];
    if (!line) return false;
    if (key === "x" && line.run) this.tick([line.run.run_id], !this.ticked.includes(line.run.run_id));
    else if (key === "Enter" && line.run) visit((line.run.kind === "eval" ? "/evaluation?" : "/run?") + new URLSearchParams({ id: line.run.run_id }));
    else if (key === "Enter") this.unfold(line.group);
    else return false;
    return true;
  }

  stop() {
    this.stopped = true;
    window.clearTimeout(this.timer);
    this.sized.disconnect();
    this.sight.stop();
  }
}
