// The tools above the table of runs: filters, columns, groups, saved views, and what is done with ticked runs.
const DELETE_WORD = "delete";
const MOST_ROWS = 10_000;
const MOST_COMPARED = 10;

class RunsTools {
  constructor(host, page) {
    Object.assign(this, { host, page, board: page.board });
    this.build();
  }

  build() {
    const { board } = this;
    this.words = input("", "Search runs");
    this.words.type = "search";
    this.words.className = "words";
    this.words.setAttribute("aria-label", "Search runs");
    this.words.title = "Words in names, tags and notes (/)";
    this.where = input("", 'Filter: config.lr > 0.01');
    this.where.className = "where";
    this.where.spellcheck = false;
    this.where.setAttribute("aria-label", "Filter runs");
    this.where.title = 'Of config, summary, tags, status, duration_s ...: config.lr > 0.01 and "baseline" in tags';
    this.words.onchange = () => board.set({ q: this.words.value.trim(), sel: "" });
    this.where.onchange = () => board.set({ where: this.where.value.trim(), sel: "" });
    this.status = chooser([["", "Any status"], ...["running", "finished", "failed", "crashed", "preempted"].map((word) => [word, (MARKS[word] ?? "●") + " " + word])], "");
    this.kind = chooser([["", "Any kind"], ...["train", "trial", "eval", "app"].map((word) => [word, word])], "");
    for (const [node, name, label] of [[this.status, "status", "Status"], [this.kind, "kind", "Kind"]]) {
      node.setAttribute("aria-label", label);
      node.onchange = () => board.set({ [name]: node.value, sel: "" });
    }
    this.grouping = element("select");
    this.grouping.setAttribute("aria-label", "Group by");
    this.grouping.onchange = () => board.set({ group: this.grouping.value });
    this.found = element("span", "found");
    this.found.setAttribute("role", "status");
    const bar = element("div", "topbar");
    this.views = button("Views", "Saved views of this project (v)", (event) => this.openViews(event.currentTarget));
    this.columns = button("Columns", "Which columns the table has (c)", () => this.openColumns());
    bar.append(this.words, this.where, this.status, this.kind, this.grouping, this.columns, this.views, this.panes(), this.found);
    this.bulk = element("div", "buttons bulk");
    this.form = element("div", "formhost");
    this.host.append(bar, this.bulk, this.form);
  }

  panes() {
    const box = element("span", "segments");
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", "What is shown");
    this.segments = [["table", "Table"], ["both", "Both"], ["charts", "Charts"]].map(([value, text]) => {
      const node = button(text, "", () => this.board.set({ pane: value }), "segment");
      node.weftValue = value;
      return node;
    });
    box.append(...this.segments);
    return box;
  }

  follow() {
    const { board } = this, active = this.host.getRootNode().activeElement;
    for (const [node, name] of [[this.words, "q"], [this.where, "where"], [this.status, "status"], [this.kind, "kind"]]) if (node !== active || node.tagName === "SELECT") node.value = board.get(name);
    for (const node of this.segments) node.setAttribute("aria-pressed", String(node.weftValue === board.get("pane")));
    this.fillGroups();
    const { table } = this.page, ticked = table.ticked, total = table.total;
    this.found.textContent = total === undefined ? "" : table.groups ? `${count(table.groups.length)} groups of ${count(total)} runs` : count(total) + (total === 1 ? " run" : " runs");
    this.views.textContent = board.view ? "View: " + board.view.name : "Views";
    this.fillBulk(ticked);
  }

  fillGroups() {
    const { table } = this.page, chosen = this.board.get("group");
    const fields = table.fields.filter((field) => field.name.startsWith("config.") && field.distinct > 1).map((field) => field.name);
    const options = ["", "group", "job_type", "kind", ...new Set([...(chosen ? [chosen] : []), ...fields])].filter((name, at, all) => all.indexOf(name) === at);
    if (this.options === options.join("\0") + chosen) return;
    this.options = options.join("\0") + chosen;
    this.grouping.replaceChildren(...chooser(options.map((name) => [name, name ? "By " + titleOf(name).toLowerCase() : "Not grouped"]), chosen).children);
    this.grouping.value = chosen;
  }

  fillBulk(ticked) {
    this.bulk.hidden = !ticked.length;
    if (!ticked.length) { this.bulk.replaceChildren(); return; }
    const n = ticked.length;
    this.bulk.replaceChildren(
      element("span", "soft", count(n) + " ticked"),
      button("Tag", "Add tags to the ticked runs", () => this.tag()),
      button("Group", "Put the ticked runs into a group", () => this.regroup()),
      button("Compare", "Their settings side by side", () => this.board.set({ tab: "configs", pane: this.board.get("pane") === "table" ? "both" : this.board.get("pane") })),
      button("CSV", "The columns of the table for the ticked runs", () => this.csv(ticked)),
      button(this.board.get("archived") === "1" ? "Bring back" : "Archive", "Out of this list by the tag archived; nothing is deleted", () => this.archive()),
      button("Delete", "For good, with all that was recorded in them", () => this.remove(), "danger"),
      button("Clear", "Tick none (u)", () => this.board.set({ sel: "" }, false), "quiet"));
  }

  // The same change of every ticked run, a few at a time; what failed is told.
  async all(ids, change, done) {
    let failed = null, changed = 0;
    const waiting = [...ids];
    const work = async () => { for (let id = waiting.pop(); id; id = waiting.pop()) { try { await change(id); changed += 1; } catch (error) { failed = error; } } };
    await Promise.all([work(), work(), work(), work()]);
    this.page.table.known = null;
    await this.page.table.load();
    if (failed) throw new Error(`${changed} of ${ids.length} were changed. ${failed.message}`);
    return done(changed);
  }

  async retag(id, more, less) {
    const run = this.page.table.runs.find((one) => one.run_id === id) ?? await ask("/api/runs/" + encodeURIComponent(id));
    await changeRun(id, { tags: [...new Set([...run.tags, ...more])].filter((tag) => !less.includes(tag)) });
  }

  tag() {
    const ids = this.page.table.ticked, words = input("", "tags, by commas");
    const way = chooser([["add", "add these"], ["take", "take these away"]], "add");
    form(this.form, `Tags of ${ids.length} runs`, [field("Tags", words), field("Do", way)], "Change tags", async () => {
      const given = words.value.split(",").map((word) => word.trim()).filter(Boolean);
      if (!given.length) throw new Error("Write at least one tag.");
      return this.all(ids, (id) => (way.value === "add" ? this.retag(id, given, []) : this.retag(id, [], given)), (n) => `Changed the tags of ${n} runs.`);
    });
  }

  regroup() {
    const ids = this.page.table.ticked, name = input("", "name of the group");
    form(this.form, `Group of ${ids.length} runs`, [field("Group", name)], "Set group", async () => {
      if (!name.value.trim()) throw new Error("Write the group's name.");
      return this.all(ids, (id) => changeRun(id, { group: name.value.trim() }), (n) => `${n} runs are of the group ${name.value.trim()}.`);
    });
  }

  archive() {
    const ids = this.page.table.ticked, back = this.board.get("archived") === "1";
    form(this.form, back ? `Bring ${ids.length} runs back into the lists?` : `Take ${ids.length} runs out of the lists? Nothing is deleted.`, [], back ? "Bring back" : "Archive", async () => {
      const told = await this.all(ids, (id) => this.retag(id, back ? [] : [ARCHIVED], back ? [ARCHIVED] : []), (n) => (back ? `${n} runs are back. ` : `Archived ${n} runs: they have the tag ${ARCHIVED}, and "Archived runs only" below Columns lists them. `));
      this.board.set({ sel: "" }, false);
      return [told, button("Undo", "", () => this.undo(ids, back), "quiet")];
    });
  }

  async undo(ids, back) {
    try { told(this.form, await this.all(ids, (id) => this.retag(id, back ? [ARCHIVED] : [], back ? [] : [ARCHIVED]), (n) => `Undone for ${n} runs.`)); } catch (error) { told(this.form, error.message, true); }
  }

  remove() {
    const ids = this.page.table.ticked, word = input("", DELETE_WORD);
    form(this.form, `Delete ${ids.length} ${ids.length === 1 ? "run" : "runs"} for good, with metrics, console, traces and samples? This cannot be undone; Archive can.`, [field(`Write "${DELETE_WORD}"`, word)], "Delete for good", async () => {
      if (word.value.trim() !== DELETE_WORD) throw new Error(`Write "${DELETE_WORD}" to say that you mean it.`);
      const told = await this.all(ids, (id) => ask("/api/runs/" + encodeURIComponent(id), { method: "DELETE" }), (n) => `Deleted ${n} ${n === 1 ? "run" : "runs"}.`);
      this.board.set({ sel: "" }, false);
      return told;
    });
  }

  async csv(ids) {
    const { table } = this.page, names = [...new Set(["name", ...table.columns.map(([name]) => name)])];
    const query = ids ? { project: this.page.data.project, run_ids: ids, limit: MOST_ROWS } : { ...table.query(), limit: MOST_ROWS };
    try {
      const page = await send("/api/runs/rows", { query, fields: names });
      const rows = page.rows.map((row, at) => [page.runs[at], ...row.map((value, column) => plainCell(names[column], value))]);
      save("weft-runs.csv", csvOf([["run_id", ...names], ...rows]));
    } catch (error) { told(this.form, error.message, true); }
  }

  // The columns: those that are shown, in their order, and the fields that could be.
  openColumns() {
    if (this.form.querySelector(".columns")) { this.form.replaceChildren(); return; }
    const { table } = this.page, box = element("div", "form columns"), search = input("", "Find a field");
    search.setAttribute("aria-label", "Find a field");
    const shown = element("div", "picked"), others = element("div", "others");
    const put = (columns) => { this.board.setList("cols", columns, false); draw(); };
    const draw = () => {
      const columns = table.columns, names = columns.map(([name]) => name);
      shown.replaceChildren(...columns.map(([name, width], at) => {
        const line = element("div", "pick");
        const to = (by) => { const list = [...columns]; list.splice(at + by, 0, ...list.splice(at, 1)); put(list); };
        const up = button("↑", "Earlier", () => to(-1), "quiet"), down = button("↓", "Later", () => to(1), "quiet");
        up.disabled = at === 0;
        down.disabled = at === columns.length - 1;
        line.append(up, down, button("×", "Leave out", () => put(columns.filter(([one]) => one !== name)), "quiet"), element("span", "", FIXED[name] ?? name), element("span", "soft", (width || widthOf(name)) + " px"));
        return line;
      }));
      const text = search.value.trim().toLowerCase();
      const all = [...Object.keys(FIXED), ...table.fields.map((field) => field.name)].filter((name) => !names.includes(name) && name.toLowerCase().includes(text));
      others.replaceChildren(...all.slice(0, 60).map((name) => {
        const known = table.fields.find((one) => one.name === name);
        return button("+ " + (FIXED[name] ?? name), known ? `${known.runs} of ${table.looked} runs have it` : name, () => put([...columns, [name, widthOf(name)]]), "chip");
      }), ...(all.length > 60 ? [element("span", "soft", `and ${count(all.length - 60)} more: search for them`)] : []));
    };
    search.oninput = draw;
    const archived = element("label", "soft"), flag = element("input");
    flag.type = "checkbox";
    flag.checked = this.board.get("archived") === "1";
    flag.onchange = () => this.board.set({ archived: flag.checked ? "1" : "", sel: "" });
    archived.append(flag, " Archived runs only");
    const row = element("div", "buttons");
    row.append(button("Close", "esc", () => this.form.replaceChildren()), button("As usual", "The columns that Weft picks", () => { this.board.set({ cols: "", namew: "" }, false); draw(); }), button("CSV of all", "The columns for all runs that the filter finds", () => this.csv(null)), archived);
    box.append(element("div", "formtitle", "Columns"), shown, search, others, row);
    box.onkeydown = (event) => { if (event.key === "Escape") { event.stopPropagation(); this.form.replaceChildren(); this.columns.focus(); } };
    this.form.replaceChildren(box);
    draw();
    search.focus();
  }

  async openViews(anchor) {
    const { board } = this, path = "/api/views?" + new URLSearchParams({ project: this.page.data.project, page: "runs" });
    let known = [];
    try { known = await ask(path); } catch (error) { told(this.form, error.message, true); return; }
    const open = (view) => visit("/runs?" + new URLSearchParams({ project: this.page.data.project, ...(view ? { view: view.view_id } : {}) }));
    const entries = [
      ...known.map((view) => [view.name + (board.view?.view_id === view.view_id ? " ✓" : ""), "", () => open(view)]),
      ["Save this view as…", "", () => this.saveView(null)],
      ...(board.view ? [[`Save changes to ${board.view.name}`, "", () => this.saveView(board.view)], [`Delete the view ${board.view.name}`, "", () => this.forgetView(board.view)], ["Leave the view", "", () => open(null)]] : []),
    ];
    openMenu(anchor, entries);
  }

  async storeView(name, old) {
    const body = { project: this.page.data.project, page: "runs", name, content: this.board.content(), ...(old ? { view_id: old.view_id } : {}) };
    const view = await send("/api/views", body);
    this.board.view = view;
    window.history.pushState(window.history.state, "", "/runs?" + new URLSearchParams({ project: view.project, view: view.view_id }));
    this.page.changed([]);
    return view;
  }

  saveView(old) {
    if (old) { this.storeView(old.name, old).then((view) => told(this.form, `Saved ${view.name}.`), (error) => told(this.form, error.message, true)); return; }
    const name = input("", "for example: learning rates, second sweep");
    form(this.form, "Save what this page shows as a view", [field("Name", name)], "Save view", async () => {
      if (!name.value.trim()) throw new Error("Give the view a name.");
      const view = await this.storeView(name.value.trim(), null);
      return [`Saved. Its address can be sent: `, linkTo(window.location.origin + "/runs?view=" + view.view_id, "/runs?" + new URLSearchParams({ project: view.project, view: view.view_id })), " ", copyButton(window.location.href)];
    });
  }

  forgetView(view) {
    form(this.form, `Delete the view ${view.name}? No run is touched.`, [], "Delete view", async () => {
      await ask("/api/views/" + encodeURIComponent(view.view_id), { method: "DELETE" });
      this.board.view = null;
      window.history.replaceState(window.history.state, "", "/runs?" + new URLSearchParams({ project: this.page.data.project }));
      this.page.changed([]);
      return "Deleted the view.";
    });
  }
}
