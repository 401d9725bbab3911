// All that some runs logged besides numbers, in sections: media, histograms, tables. Only what is in sight is asked for.
const LOGGED_RUNS = 10;
const PANELS_AT_FIRST = 40;
const SECTIONS = [["Media", MediaPanel], ["Histograms", HistogramPanel], ["Tables", TablePanel]];
const SECTION_OF = { histogram: "Histograms", table: "Tables", file: null };

class LoggedPanels {
  // `context`: the project, `colours(runId)`, and `hint`: whether to say that there is nothing.
  constructor(host, context) {
    this.context = context;
    this.node = element("div", "logged");
    this.problem = element("div");
    this.body = element("div");
    this.node.append(this.problem, this.body);
    host.append(this.node);
    this.panels = new Map();  // section and name -> panel
    this.sections = new Map();
    this.most = new Map();
    this.seen = new IntersectionObserver((entries) => { for (const entry of entries) if (entry.isIntersecting) this.sight(entry.target.weft); }, { rootMargin: "200px 0px" });
  }

  // `runs`: {run_id, name}; the first ten are shown.
  async update(runs) {
    this.runs = runs.slice(0, LOGGED_RUNS);
    const turn = (this.turn = (this.turn || 0) + 1);
    try {
      const found = await Promise.all(this.runs.map((run) => ask(`/api/runs/${encodeURIComponent(run.run_id)}/logged`)));
      if (turn !== this.turn) return;
      this.problem.replaceChildren();
      this.names = new Map();
      found.forEach((listed, at) => {
        for (const one of listed) {
          const section = one.kind in SECTION_OF ? SECTION_OF[one.kind] : "Media";
          if (!section || one.name.startsWith("files/")) continue;
          const key = section + "\0" + one.name;
          if (!this.names.has(key)) this.names.set(key, { section, name: one.name, runs: new Set(), mark: "" });
          const known = this.names.get(key);
          known.runs.add(at);
          known.mark += `${at} ${one.source} ${one.count} ${one.last_step};`;
        }
      });
      this.arrange();
    } catch (error) { if (turn === this.turn) this.problem.replaceChildren(errorNode(error)); }
  }

  arrange() {
    const kept = new Set();
    const sections = SECTIONS.map(([title, Panel]) => {
      const entries = [...this.names].filter(([, one]) => one.section === title);
      if (!entries.length) return null;
      const most = this.most.get(title) || PANELS_AT_FIRST, section = this.section(title);
      section.number.textContent = count(entries.length);
      for (const [key, one] of entries.slice(0, most)) {
        kept.add(key);
        if (!this.panels.has(key)) {
          const panel = new Panel(section.grid, one.name, this.context);
          panel.node.weft = panel;
          this.panels.set(key, panel);
          this.seen.observe(panel.node);
        }
        const panel = this.panels.get(key), mark = one.mark + this.runs.map((run) => run.run_id + run.name).join();
        if (panel.mark !== mark) { panel.mark = mark; panel.stale = this.runs.filter((_, at) => one.runs.has(at)); if (panel.sighted) this.sight(panel); }
      }
      section.more.hidden = entries.length <= most;
      return section.node;
    });
    for (const [key, panel] of this.panels) if (!kept.has(key)) { this.seen.unobserve(panel.node); panel.stop(); this.panels.delete(key); }
    const shown = sections.filter(Boolean);
    this.body.replaceChildren(...(shown.length || !this.context.hint ? shown : [element("div", "soft", "Nothing but numbers was logged: run.log({\"sample\": weft.Image(pixels)}) logs a picture.")]));
  }

  section(title) {
    if (this.sections.has(title)) return this.sections.get(title);
    const node = element("section", "panel-section"), head = button("", "", () => { node.classList.toggle("folded"); head.setAttribute("aria-expanded", String(!node.classList.contains("folded"))); }), grid = element("div", "logged-grid");
    head.className = "section-head";
    head.setAttribute("aria-expanded", "true");
    const number_ = element("span", "soft");
    head.replaceChildren(element("span", "twist", "▾"), element("span", "", title), number_);
    const more = button("Show more", "", () => { this.most.set(title, (this.most.get(title) || PANELS_AT_FIRST) + PANELS_AT_FIRST); this.arrange(); }, "more");
    node.append(head, grid, more);
    const section = { node, grid, more, number: number_ };
    this.sections.set(title, section);
    return section;
  }

  sight(panel) {
    panel.sighted = true;
    if (!panel.stale) return;
    const runs = panel.stale;
    panel.stale = null;
    panel.load(runs);
  }

  destroy() {
    this.turn = -1;
    this.seen.disconnect();
    for (const panel of this.panels.values()) panel.stop();
    this.node.remove();
  }
}
