// A table that runs logged: one run's rows, filtered, sorted and grouped by the server; or several runs joined by a key,
// the examples in which they differ most first.
const TABLE_ROWS = 50;

class TablePanel {
  constructor(host, name, context) {
    this.name = name;
    this.context = context;
    this.frees = [];
    this.asked = { first: 0, where: "", text: "", order: "", by: "", key: "", changed: false, run: null };
    this.node = element("article", "logged-panel wide");
    this.node.setAttribute("aria-label", "Table " + name);
    const head = element("header"), title = element("span", "title", name);
    title.title = name;
    this.found = element("output", "soft");
    head.append(title, this.found);
    this.tools = element("div", "topbar table-tools");
    this.problem = element("div");
    this.body = element("div", "scroll-x");
    this.foot = element("div", "buttons");
    this.node.append(head, this.tools, this.problem, this.body, this.foot);
    host.append(this.node);
    this.build();
  }

  build() {
    this.run = chooser([], "");
    this.run.setAttribute("aria-label", "Run of the table");
    this.run.onchange = () => this.set({ run: this.run.value, first: 0 });
    this.where = input("", "score < 0.5 and \"cat\" in answer");
    this.where.className = "where";
    this.where.setAttribute("aria-label", "Filter rows");
    this.where.onchange = () => this.set({ where: this.where.value.trim(), first: 0 });
    this.words = input("", "Find text", "search");
    this.words.setAttribute("aria-label", "Find text in rows");
    this.words.onchange = () => this.set({ text: this.words.value.trim(), first: 0 });
    this.by = chooser([["", "no groups"]], "");
    this.by.setAttribute("aria-label", "Group rows by");
    this.by.onchange = () => this.set({ by: this.by.value, first: 0 });
    this.key = chooser([], "");
    this.key.setAttribute("aria-label", "Join runs by");
    this.key.onchange = () => this.set({ key: this.key.value, first: 0 });
    this.changed = button("Only differences", "", () => this.set({ changed: !this.asked.changed, first: 0 }), "segment");
    this.tools.append(this.run, this.where, this.words, this.by, this.key, this.changed);
    this.back = button("Back", "", () => this.set({ first: Math.max(0, this.asked.first - TABLE_ROWS) }));
    this.next = button("Next", "", () => this.set({ first: this.asked.first + TABLE_ROWS }));
    this.place = element("span", "soft");
    this.foot.append(this.back, this.next, this.place);
  }

  // The options of a chooser as they are now.
  fill(node, options, chosen) {
    node.replaceChildren(...chooser(options, chosen).children);
    node.value = chosen;
  }

  set(changes) { Object.assign(this.asked, changes); this.read(); }

  async load(runs) {
    this.runs = runs;
    const options = runs.map((run) => [run.run_id, run.name]);
    if (runs.length > 1) options.unshift(["", "all runs, joined"]);
    const known = options.map(([value]) => value).join();
    if (known !== this.known) {
      this.known = known;
      if (this.asked.run === null || !options.some(([value]) => value === this.asked.run)) this.asked.run = options[0][0];
      this.fill(this.run, options, this.asked.run);
      this.run.hidden = runs.length < 2;
    }
    await this.read();
  }

  get joined() { return this.asked.run === ""; }

  async read() {
    const { asked } = this, turn = (this.turn = (this.turn || 0) + 1);
    const query = { name: this.name, where: asked.where, text: asked.text };
    for (const name of ["where", "text"]) if (!query[name]) delete query[name];
    this.node.setAttribute("aria-busy", "true");
    try {
      let page;
      if (this.joined) page = await this.readJoined(query);
      else {
        const own = { ...query, run_id: asked.run };
        page = asked.by
          ? { groups: await ask("/api/tables/groups?" + new URLSearchParams({ ...own, by: asked.by })) }
          : await ask("/api/tables?" + new URLSearchParams({ ...own, ...(asked.order ? { order: asked.order } : {}), first: asked.first, limit: TABLE_ROWS }));
      }
      if (turn !== this.turn) return;
      this.problem.replaceChildren();
      this.page = page;
      this.follow();
    } catch (error) { if (turn === this.turn) this.problem.replaceChildren(errorNode(error)); }
    this.node.removeAttribute("aria-busy");
  }

  async readJoined(query) {
    if (!this.asked.key) {
      const page = await ask("/api/tables?" + new URLSearchParams({ name: this.name, run_id: this.runs[0].run_id, limit: 1 }));
      this.columns = page.columns;
      const names = page.columns.map((column) => column.name);
      this.asked.key = names.find((name) => /^(id|key|example(_id)?|index|name)$/i.test(name)) || names.find((name) => page.columns.find((one) => one.name === name).type === "text") || names[0];
    }
    const parameters = new URLSearchParams({ ...query, key: this.asked.key, first: this.asked.first, limit: TABLE_ROWS, ...(this.asked.changed ? { changed: true } : {}) });
    for (const run of this.runs) parameters.append("run_ids", run.run_id);
    return ask("/api/tables/join?" + parameters);
  }

  follow() {
    const { page, asked } = this;
    for (const free of this.frees.splice(0)) free();
    if (page.columns) this.columns = this.joined ? [...page.columns, { name: asked.key, type: "text" }] : page.columns;
    const names = (this.columns || []).map((column) => column.name);
    this.by.hidden = this.joined;
    this.key.hidden = this.changed.hidden = !this.joined;
    this.changed.setAttribute("aria-pressed", String(asked.changed));
    this.fill(this.by, [["", "no groups"], ...names.map((name) => [name, "by " + name])], asked.by);
    this.fill(this.key, [...new Set(names)].map((name) => [name, "joined by " + name]), asked.key);
    const table = page.groups ? this.groups(page.groups) : this.joined ? this.side(page) : this.rows(page);
    this.body.replaceChildren(table);
    const matched = page.groups ? page.groups.length : page.matched, all = page.groups ? "" : page.total;
    this.found.textContent = page.groups ? `${count(matched)} groups` : `${count(matched)}${matched < all ? " of " + count(all) : ""} rows` + (this.joined ? `, ${count(page.differing)} differ` : "") + (page.repeated ? `, ${count(page.repeated)} with a key that came before` : "");
    const more = !page.groups && matched > TABLE_ROWS;
    this.foot.hidden = !more;
    this.back.disabled = !asked.first;
    this.next.disabled = asked.first + TABLE_ROWS >= matched;
    this.place.textContent = more ? `${count(asked.first + 1)} to ${count(Math.min(matched, asked.first + TABLE_ROWS))}` : "";
  }

  heads(table, columns, sortable) {
    const row = table.createTHead().insertRow();
    for (const column of columns) {
      const head = element("th", column.type === "integer" || column.type === "number" ? "r" : ""), { order } = this.asked;
      if (sortable) {
        const sort = button(column.name + (order === column.name ? " ▲" : order === "-" + column.name ? " ▼" : ""), "Sort by " + column.name, () => this.set({ order: order === "-" + column.name ? column.name : "-" + column.name, first: 0 }), "quiet");
        head.append(sort);
        head.setAttribute("aria-sort", order === column.name ? "ascending" : order === "-" + column.name ? "descending" : "none");
      } else head.textContent = column.name;
      row.append(head);
    }
  }

  rows(page) {
    const table = element("table", "cells");
    this.heads(table, page.columns, true);
    const body = table.createTBody();
    page.rows.forEach((cells, at) => {
      const row = body.insertRow();
      cells.forEach((cell, column) => row.append(this.cell(cell, page.columns[column], { run_id: this.asked.run, row: page.numbers[at], step: page.step, source: page.source })));
    });
    if (!page.rows.length) body.insertRow().append(Object.assign(element("td", "soft", "No row fits."), { colSpan: page.columns.length }));
    return table;
  }

  groups(groups) {
    const table = element("table", "cells"), names = [...new Set(groups.flatMap((group) => Object.keys(group.figures)))];
    this.heads(table, [{ name: this.asked.by }, { name: "rows", type: "integer" }, ...names.map((name) => ({ name: "mean " + name, type: "number" }))], false);
    const body = table.createTBody();
    for (const group of groups) {
      const row = body.insertRow();
      row.append(this.cell(group.keys[0], {}, null), element("td", "r", count(group.rows)));
      for (const name of names) {
        const figure = group.figures[name], cell = element("td", "r", figure ? number(figure.mean) : MISSING);
        if (figure) cell.title = `${figure.mean}, from ${figure.minimum} to ${figure.maximum}, n = ${figure.count}`;
        row.append(cell);
      }
    }
    return table;
  }

  // A row an example, in it a line a run: what differs stands out.
  side(page) {
    const table = element("table", "cells joined"), by = new Map(this.runs.map((run) => [run.run_id, run]));
    this.heads(table, [{ name: this.asked.key }, { name: "run" }, ...page.columns], false);
    const means = table.createTBody();
    page.run_ids.forEach((id, at) => {
      const row = means.insertRow();
      row.className = "means";
      row.append(element("td", "soft", at ? "" : "mean"), this.runCell(by.get(id)));
      for (const column of page.columns) row.append(element("td", "r", column.name in page.figures[at] ? number(page.figures[at][column.name]) : ""));
    });
    for (const one of page.rows) {
      const body = table.createTBody();
      page.run_ids.forEach((id, at) => {
        const row = body.insertRow(), cells = one.cells[at];
        if (!at) { const key = this.cell(one.key, {}, null); key.rowSpan = page.run_ids.length; key.classList.add("key"); row.append(key); }
        row.append(this.runCell(by.get(id)));
        if (!cells) { row.append(Object.assign(element("td", "null", "no such row"), { colSpan: page.columns.length })); return; }
        cells.forEach((cell, column) => {
          const node = this.cell(cell, page.columns[column], null);
          if (one.differs.includes(page.columns[column].name)) node.classList.add("differs");
          row.append(node);
        });
      });
    }
    return table;
  }

  runCell(run) {
    const cell = element("td", "run");
    cell.append(swatch(this.context.colours(run.run_id), 0), " " + run.name);
    cell.title = run.name;
    return cell;
  }

  cell(cell, column, at) {
    const node = element("td");
    if (cell === null || cell === undefined) { node.className = "null"; node.textContent = MISSING; return node; }
    if (cell._weft === "cut") {
      node.append(element("span", "", cell.text.slice(0, 200) + "…"));
      if (at) node.append(button(`all ${count(cell.characters)} characters`, "", () => this.whole(node, column, at), "quiet"));
      return node;
    }
    if (column.type === "media" || (typeof cell === "object" && cell._weft)) {
      node.className = "medium";
      node.append(valueNode({ kind: modality(cell), ...cell }, { project: this.context.project, frees: this.frees }));
      return node;
    }
    if (typeof cell === "number" || column.type === "number" || column.type === "integer") { node.className = "r"; node.textContent = typeof cell === "number" ? number(cell, 4) : cell; node.title = String(cell); return node; }
    if (column.type === "time") { node.textContent = moment(cell); return node; }
    if (typeof cell === "object") { node.append(jsonTree(cell, 0)); return node; }
    node.append(element("span", "words", String(cell)));
    node.title = String(cell).slice(0, 2000);
    return node;
  }

  async whole(node, column, at) {
    try {
      const query = new URLSearchParams({ name: this.name, run_id: at.run_id, row: at.row, column: column.name, step: at.step, source: at.source });
      const { cell } = await ask("/api/tables/cell?" + query);
      node.replaceChildren(typeof cell === "string" ? textBlock(cell, "said") : jsonTree(cell));
    } catch (error) { node.replaceChildren(errorNode(error)); }
  }

  stop() { this.turn = -1; for (const free of this.frees.splice(0)) free(); this.node.remove(); }
}

const modality = (item) => { const head = String(item.media_type || "").split("/")[0]; return ["image", "audio", "video"].includes(head) ? head : "file"; };
