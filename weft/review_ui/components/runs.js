// The page of runs: the table at the left, at the right what was found, as curves, as relations, as settings side by side.
const CURVE_NAMES = new Set(["x", "smooth", "lx", "ly", "env", "band", "m", "pins", "shut", "hide", "flip", "wide", "zoom"]);
const TABLE_NAMES = new Set(["q", "where", "kind", "status", "order", "group", "archived"]);
const TABS = [["charts", "Charts"], ["relations", "Relations"], ["configs", "Side by side"]];

class RunsPage {
  constructor(root, data) {
    this.root = root;
    this.data = data;
    this.board = new Board((names) => this.changed(names));
    this.board.glow = (run) => this.table.glow(run);
    this.board.bright = (run) => this.panels?.glow(run);
    this.build();
  }

  build() {
    this.bar = element("div", "tools-host");
    this.left = element("div", "table-pane");
    this.right = element("div", "charts-side");
    this.split = splitter(this.root, this.board);
    this.panes = element("div", "panes");
    this.panes.append(this.left, this.split, this.right);
    this.tabs = element("div", "tabs");
    this.tabs.setAttribute("role", "tablist");
    this.tabNodes = TABS.map(([name, text]) => {
      const node = button(text, "", () => this.board.set({ tab: name }), "tab");
      node.setAttribute("role", "tab");
      node.weftTab = name;
      return node;
    });
    this.drawnNote = element("span", "soft drawn");
    this.tabs.append(...this.tabNodes, this.drawnNote);
    this.tools = element("div");
    this.pane = element("div", "chart-pane");
    this.pane.tabIndex = -1;
    this.right.append(this.tabs, this.tools, this.pane);
    this.root.replaceChildren(this.bar, this.panes);
    this.table = new RunsTable(this.left, this.board, this.data, (error) => this.drawn(error));
    this.toolbar = new RunsTools(this.bar, this);
    this.sized = new ResizeObserver(() => this.fit());
    this.sized.observe(this.root);
  }

  async open() {
    const wanted = asked().get("view");
    if (wanted) {
      try { this.board.view = await ask("/api/views/" + encodeURIComponent(wanted)); } catch (error) { told(this.toolbar.form, error.message, true); }
    }
    this.layout();
    this.toolbar.follow();
    await this.table.load();
  }

  fit() {
    const top = this.root.getBoundingClientRect().top + window.scrollY;
    this.root.style.setProperty("--tall", Math.max(420, window.innerHeight - Math.min(top, 200) - this.bar.offsetHeight - 24) + "px");
  }

  layout() {
    this.root.dataset.pane = this.board.get("pane");
    this.root.style.setProperty("--share", this.board.get("share") + "%");
    const tab = this.board.get("tab");
    for (const node of this.tabNodes) node.setAttribute("aria-selected", String(node.weftTab === tab));
    if (this.tab !== tab) {
      this.tab = tab;
      this.panels?.stop();
      this.logged?.destroy();
      this.relations?.stop();
      this.panels = this.logged = this.relations = this.configs = this.chartTools = null;
      this.tools.replaceChildren();
      this.pane.replaceChildren();
      if (tab === "charts") {
        this.chartTools = new ChartTools(this.tools, this.board);
        this.panels = new Panels(this.pane, this.board, this.data.palette);
        const { project, palette } = this.data;
        this.logged = new LoggedPanels(this.pane, { project, colours: (run) => colourOf(run, palette) });
      } else if (tab === "relations") this.relations = new Relations(this.tools, this.pane, this);
      else this.configs = new Configs(this.pane, this);
    }
    this.fit();
  }

  changed(names) {
    const set = new Set(names), any = (of) => !names.length || names.some((name) => of.has(name));
    this.layout();
    this.chartTools?.follow();
    if (any(TABLE_NAMES) || (set.has("cols") && this.lacks())) this.table.load();
    else if (set.has("sel") || set.has("cols") || set.has("namew") || set.has("first")) this.table.render();
    this.toolbar.follow();
    if (set.has("sel") || set.has("first") || set.has("tab") || set.has("group") || !names.length) this.drawn();
    else if (names.some((name) => CURVE_NAMES.has(name))) this.recharted(set);
    this.relations?.follow(set);
  }

  lacks() {
    const run = this.table.runs[0];
    return Boolean(run) && this.table.columns.some(([name]) => !(name in run));
  }

  recharted(set) {
    if (!this.panels) return;
    if (set.has("m")) this.panels.list();
    if (["pins", "shut", "hide", "wide"].some((name) => set.has(name))) this.panels.arrange();
    this.panels.ask();
  }

  // The runs that are drawn have changed, or what is known of them.
  drawn(error) {
    this.toolbar.follow();
    this.layout();
    const runs = this.table.chosen();
    this.drawnNote.textContent = !this.table.runs.length ? "" : this.table.ticked.length ? count(runs.length) + " ticked" : this.table.total === 1 && !this.table.groups ? "" : "the first " + count(runs.length) + " of the table: tick runs to choose";
    this.empty(error);
    this.panels?.show(runs);
    this.logged?.update(runs);
    this.relations?.load();
    this.configs?.show(runs);
  }

  empty(error) {
    const none = !error && this.table.total === 0;
    if (this.hint) { this.hint.remove(); this.hint = null; }
    if (!none) return;
    this.hint = element("div", "failure", "No run fits these filters. ");
    this.hint.append(button("Forget the filters", "", () => this.board.set({ q: "", where: "", kind: "", status: "", archived: "" }), "quiet"));
    this.left.prepend(this.hint);
  }

  key(event) {
    if (inDialog(event)) return false;
    if (event.key === "Escape") {
      const menu = this.root.querySelector(".menu");
      if (menu) { menu.close(); return true; }
      if (this.toolbar.form.hasChildNodes()) { this.toolbar.form.replaceChildren(); return true; }
      if (this.panels?.pinned) { this.panels.unpin(); return true; }
      return false;
    }
    if (typing(event)) return false;
    if (event.key === "/") { this.toolbar.words.focus(); return true; }
    if (event.key === "c") { this.toolbar.openColumns(); return true; }
    if (event.key === "v") { this.toolbar.openViews(this.toolbar.views); return true; }
    if (event.key === "m" && this.chartTools) { this.chartTools.search.focus(); return true; }
    if (event.key === "u") { this.board.set({ sel: "" }, false); return true; }
    const inside = event.composedPath()[0];
    if (event.key === "Enter" && /^(BUTTON|A|SUMMARY)$/.test(inside.tagName)) return false;
    return this.table.press(event.key);
  }

  back() {
    if (window.location.pathname !== "/runs") return;
    const wanted = asked().get("view") || "";
    if ((this.board.view?.view_id || "") !== wanted) { this.board.view = null; this.open(); } else this.changed([]);
  }

  stop() {
    this.table.stop();
    this.panels?.stop();
    this.logged?.destroy();
    this.relations?.stop();
    this.sized.disconnect();
  }
}

export default pageOf(RunsPage);
