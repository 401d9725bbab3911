// The head of a run's page: its name, how it stands, and the tabs. It reads the run anew while it goes on and tells the
// other parts.
class RunHead extends Listening {
  constructor(root, data) {
    super();
    this.data = data;
    this.run = parseExact(data.run);
    this.root = root;
    this.name = element("h1");
    this.name.dir = "auto";
    this.line = element("div", "run-line");
    this.host = element("div", "formhost");
    this.rename = button("Rename", "Rename the run", () => this.edit(), "quiet");
    const head = element("div", "run-title");
    head.append(this.name, this.rename);
    this.tabs = element("div", "run-tabs");
    this.tabs.setAttribute("role", "tablist");
    this.tabs.setAttribute("aria-label", "Parts of the run");
    for (const [at, [name, title]] of data.tabs.entries()) {
      const tab = element("a", "run-tab", title);
      tab.href = this.hrefOf(name);
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-selected", String(name === data.tab));
      tab.title = `${title} (${at + 1})`;
      tab.onclick = (event) => follow(event, this.hrefOf(name));
      this.tabs.append(tab);
    }
    root.append(head, this.line, this.host, this.tabs);
    this.on(document, "keydown", (event) => this.key(event));
    this.on(window, RUN_NEWS, (event) => { if (event.detail.run_id === this.run.run_id) this.show(event.detail); });
    this.show(this.run);
    this.tick();
  }

  // A tab is found again as it was left, while one stays with the run.
  hrefOf(name) {
    const left = window.weftRunTabs;
    if (left && left.id === this.run.run_id && left.tabs[name]) return left.tabs[name];
    return "/run?" + new URLSearchParams({ id: this.run.run_id, project: this.run.project, ...(name === "overview" ? {} : { tab: name }) });
  }

  leave() {
    const left = window.weftRunTabs;
    const tabs = left && left.id === this.run.run_id ? left.tabs : {};
    window.weftRunTabs = { id: this.run.run_id, tabs: { ...tabs, [this.data.tab]: window.location.pathname + window.location.search } };
  }

  key(event) {
    if (typing(event)) return;
    const tab = this.data.tabs[Number(event.key) - 1];
    if (!tab) return;
    event.preventDefault();
    if (tab[0] !== this.data.tab) { this.leave(); visit(this.hrefOf(tab[0])); }
  }

  async tick() {
    if (this.stopped || isOver(this.run)) return;
    this.later(async () => {
      try {
        const run = await ask(runPath(this.run.run_id));
        if (!this.stopped) window.dispatchEvent(new CustomEvent(RUN_NEWS, { detail: run }));
      } catch { /* the next time tells, or the page is left as it is */ }
      this.tick();
    }, RUN_AGAIN_MS);
  }

  show(run) {
    this.run = run;
    this.name.textContent = run.name;
    document.title = "Run " + run.name + " · Weft";
    const id = element("button", "id", run.run_id);
    id.title = "Copy the id";
    id.onclick = () => navigator.clipboard.writeText(run.run_id).then(() => { id.textContent = "copied"; window.setTimeout(() => { id.textContent = run.run_id; }, 1200); });
    const now = Date.now() * 1e6, from = plainNumber(run.started_at_ns), to = plainNumber(run.ended_at_ns ?? run.last_seen_ns);
    const took = from === null ? null : to ?? (run.status === "running" ? now : null);
    const fact = (name, text, title) => {
      const node = element("span");
      node.append(element("b", "", name), text);
      if (title) node.title = title;
      return node;
    };
    this.line.replaceChildren(
      statusNode(run.status), id,
      ...(took === null ? [] : [fact(run.status === "running" ? "runs for" : "took", duration(took - from))]),
      ...(from === null ? [] : [fact("started", ago(from), moment(from))]),
      fact("kind", run.kind),
      ...(plainNumber(run.environment?.resumes) ? [fact("resumed", plainNumber(run.environment.resumes) === 1 ? "once" : plainNumber(run.environment.resumes) + " times", "How often a program went on with this run")] : []),
      ...(sweepOf(run) ? [fact("sweep", linkTo("trial " + sweepOf(run).trial, "/sweep?" + new URLSearchParams({ id: sweepOf(run).id, project: run.project, trial: sweepOf(run).trial })))] : []),
      ...(run.group && run.group !== sweepOf(run)?.id ? [fact("group", run.group)] : []),
      ...(run.job_type ? [fact("job type", run.job_type)] : []),
      ...(run.exit_code ? [fact("exit code", String(run.exit_code))] : []));
  }

  edit() {
    const name = input(this.run.name, "name of the run");
    form(this.host, "Rename the run", [field("Name", name)], "Store name", async () => {
      if (!name.value.trim()) throw new Error("Write a name.");
      const run = await send(runPath(this.run.run_id), { name: name.value.trim() }, "PATCH");
      window.dispatchEvent(new CustomEvent(RUN_NEWS, { detail: run }));
      return "Renamed.";
    });
    name.select();
  }
}

// The sweep that a run is a trial of, and which; null where it is none.
function sweepOf(run) {
  const told = run.environment?.sweep, { sweep, trial } = run.config ?? {};
  if (told?.sweep_id) return { id: told.sweep_id, trial: String(told.trial ?? "") };
  return run.kind === "eval" && typeof sweep === "string" && trial !== undefined ? { id: sweep, trial: String(trial) } : null;
}

export default mountOf(RunHead);
