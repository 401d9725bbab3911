// What a run is: who, where and what, its results and settings, what people wrote about it, and what it is related to.
class RunOverview extends Listening {
  constructor(root, data) {
    super();
    this.data = data;
    this.root = root;
    this.run = parseExact(data.run);
    this.text = asked().get("find") || "";
    this.failure = element("div");
    this.alerts = element("div");
    this.words = element("div", "run-words");
    this.facts = element("div");
    this.related = element("div");
    this.values = element("div");
    this.again = element("div");
    const panes = element("div", "run-panes"), left = element("div"), right = element("div");
    left.append(this.failure, this.words, this.alerts, this.facts, this.related, this.again);
    right.append(this.tools(), this.values);
    panes.append(left, right);
    root.append(panes);
    this.on(window, RUN_NEWS, (event) => { if (event.detail.run_id === this.run.run_id) { this.run = event.detail; this.show(); this.relate(); } });
    this.on(document, "keydown", (event) => { if (!typing(event) && event.key === "/") { event.preventDefault(); this.search.focus(); } });
    this.show();
    this.relate();
    this.reproduce();
  }

  tools() {
    this.search = input(this.text, "Find in summary, config and environment");
    this.search.type = "search";
    this.search.className = "words";
    this.search.setAttribute("aria-label", "Find in summary, config and environment");
    this.search.oninput = () => { this.text = this.search.value.trim(); remember({ find: this.text }, false); this.drawn = null; this.showValues(); };
    const bar = element("div", "topbar");
    bar.append(this.search);
    return bar;
  }

  show() {
    const { run } = this, failure = run.failure;
    this.failure.replaceChildren();
    if (failure && run.status !== "finished") {
      const node = element("div", "failure bad");
      node.append(element("b", "", failure.type || "The run failed."), " ", element("span", "said", failure.message || ""));
      if (failure.stack || failure.stacktrace || failure.traceback) node.append(fold("Where", "stack", new Map(), () => element("pre", "mono", failure.stack || failure.stacktrace || failure.traceback), false));
      this.failure.append(node);
    } else if (run.status === "crashed") this.failure.append(element("div", "failure bad", "The process ended without a word: killed, out of memory, or the machine went away. The console has its last lines."));
    else if (run.status === "preempted") this.failure.append(element("div", "failure", "The machine was taken away; start it again with the same id and resume=\"allow\" to go on."));
    this.showWords();
    this.showFacts();
    this.showValues();
  }

  // Tags and notes, edited in place.
  showWords() {
    if (this.words.querySelector(".form")) return;
    const { run } = this, chips = element("span", "chips"), host = element("div", "formhost");
    for (const tag of run.tags || []) chips.append(element("span", "tag", tag));
    if (!(run.tags || []).length) chips.append(element("span", "soft", "no tags"));
    chips.append(button("Edit tags", "", () => {
      const words = input((run.tags || []).join(", "), "tags, by commas");
      this.edit(host, "Tags", words, () => ({ tags: [...new Set(words.value.split(",").map((word) => word.trim()).filter(Boolean))] }));
    }, "quiet"));
    const notes = element("div", "run-notes");
    notes.append(run.notes ? textBlock(run.notes) : element("span", "soft", "no notes"), " ", button("Edit notes", "", () => {
      const words = area(run.notes || "", "What should be remembered about this run?", 5);
      this.edit(host, "Notes", words, () => ({ notes: words.value.trim() }));
    }, "quiet"));
    this.words.replaceChildren(chips, notes, host);
  }

  edit(host, title, node, changes) {
    form(host, title, [field(title, node)], "Store", async () => {
      const run = await send(runPath(this.run.run_id), changes(), "PATCH");
      host.replaceChildren();
      window.dispatchEvent(new CustomEvent(RUN_NEWS, { detail: run }));
      return "Stored.";
    });
  }

  showFacts() {
    const { git = {}, environment: e = {} } = this.run, key = JSON.stringify([git, e, this.text]);
    if (this.known === key) return;
    this.known = key;
    const code = (text) => element("code", "", text);
    const command = Array.isArray(e.command) ? e.command.join(" ") : [e.program, ...(Array.isArray(e.argv) ? e.argv.slice(1) : [])].filter(Boolean).join(" ");
    const commit = git.commit && [code(String(git.commit).slice(0, 10)), " ", copyButton(String(git.commit)), git.branch ? ` on ${git.branch} ` : " ", ...(git.dirty ? [element("span", "warm", "◆ with changes that were not committed "), linkTo("See the patch", this.tab("code"))] : [element("span", "soft", "clean")])];
    const gpus = (Array.isArray(e.gpus) ? e.gpus : []).map((one) => (typeof one === "string" ? one : one.name || one.model)).filter(Boolean);
    const counted = [...new Set(gpus)].map((name) => { const n = gpus.filter((one) => one === name).length; return n > 1 ? `${n} × ${name}` : name; }).join(", ");
    const jobs = Object.entries(e.jobs || {}).map(([name, job]) => `${name} ${job && typeof job === "object" ? job.id ?? "" : job}`.trim()).join(", ");
    const text = (value) => (value === undefined || value === null ? null : typeof value === "object" && !(value instanceof Exact) ? written(value) : String(value));
    const seeds = e.seeds && Object.entries(e.seeds).map(([name, one]) => [name, one && typeof one === "object" && !(one instanceof Exact) ? text(one.seed) : text(one)]).filter(([, seed]) => seed !== null).map((pair) => pair.join(" ")).join(", ");
    const packages = Object.keys(e.packages || {}).length;
    this.facts.replaceChildren(element("h2", "", "What ran, and where"), factsTable([
      ["Command", command && [code(command), " ", copyButton(command)]],
      ["Commit", commit],
      ["Repository", text(git.remote)],
      ["Host", [e.host, e.cwd && ` in ${e.cwd}`].filter(Boolean).join("")],
      ["Processor", [text(e.cpu && typeof e.cpu === "object" ? e.cpu.model ?? e.cpu.name : e.cpu), e.cpus && `${e.cpus} cores`, e.memory_bytes && size(plainNumber(e.memory_bytes)) + " memory"].filter(Boolean).join(", ")],
      ["GPU", counted || (Object.keys(e).length ? element("span", "soft", "none seen") : null)],
      ["Driver", [e.driver && text(e.driver), e.cuda && "CUDA " + text(e.cuda)].filter(Boolean).join(", ")],
      ["System", [e.os, e.python && "Python " + e.python].filter(Boolean).join(", ")],
      ["Container", text(e.container?.image ?? e.container?.id)],
      ["Kubernetes", e.kubernetes && [e.kubernetes.namespace, e.kubernetes.pod].filter(Boolean).join("/")],
      ["Job", jobs],
      ["Seeds", seeds],
      ["Packages", packages ? [count(packages) + " ", linkTo("See them", this.tab("code"))] : null],
    ]));
    if (!Object.keys(e).length && !git.commit) this.facts.append(element("p", "soft", "Nothing was captured of the machine and the code."));
  }

  tab(name) { return "/run?" + new URLSearchParams({ id: this.run.run_id, project: this.run.project, tab: name }); }

  showValues() {
    const { run } = this, key = JSON.stringify([run.config, run.summary, run.environment, this.text]);
    if (this.drawn === key) return;
    this.drawn = key;
    const wanted = this.text.toLowerCase(), nodes = [];
    const summary = Object.entries(run.summary || {}).filter(([name, value]) => !wanted || name.toLowerCase().includes(wanted) || written(value).toLowerCase().includes(wanted));
    nodes.push(this.titled("Summary", run.summary));
    if (summary.length) nodes.push(summaryTable(summary, Boolean(wanted), this.tab("media")));
    else nodes.push(wanted ? element("p", "soft", "Nothing in the summary fits.") : emptyNode("This run has no summary yet.", 'run.log({"loss": 0.25})          # the last value of each metric\nrun.summary["accuracy"] = 0.97   # or a value of your own'));
    nodes.push(this.titled("Config", run.config), this.tree(run.config, wanted, "This run has no config.", `import weft\nrun = weft.init(${JSON.stringify(run.project)}, config={"lr": 0.01, "model": {"layers": 4}})`));
    if (Object.keys(run.environment || {}).length) {
      const rest = { ...run.environment, ...(Object.keys(run.git || {}).length ? { git: run.git } : {}) };
      nodes.push(fold("Environment, whole", "environment", this.folds ??= new Map(), () => this.tree(rest, wanted, "", ""), Boolean(wanted && sieve(rest, wanted))));
    }
    this.values.replaceChildren(...nodes);
  }

  titled(title, value) {
    const head = element("div", "titled");
    head.append(element("h2", "", title));
    if (Object.keys(value || {}).length) head.append(copyButton(() => pretty(value)));
    return head;
  }

  tree(value, wanted, sentence, code) {
    if (!Object.keys(value || {}).length) return emptyNode(sentence, code);
    const kept = wanted ? sieve(value, wanted) : value;
    return kept === undefined ? element("p", "soft", "Nothing fits.") : jsonTree(kept, wanted ? 99 : 2);
  }

  // Alerts, and the runs around this one.
  async relate() {
    const { run } = this, id = run.run_id, self = (this.turn = (this.turn || 0) + 1);
    const safe = (asking) => asking.catch(() => null);
    const [alerts, children, graph] = await Promise.all([
      safe(ask("/api/alerts?" + new URLSearchParams({ run_id: id, limit: 20 }))),
      safe(ask("/api/runs?" + new URLSearchParams({ parent_run_id: id, limit: 50, order: "started_at" }))),
      safe(ask(`/api/projects/${encodeURIComponent(run.project)}/lineage?` + new URLSearchParams({ kind: "run", name: id, depth: 1 }))),
    ]);
    if (self !== this.turn || this.stopped) return;
    this.alerts.replaceChildren();
    const said = alerts?.items ?? [];
    if (said.length) {
      this.alerts.append(element("h2", "", said.length > 19 ? "Alerts, the newest" : "Alerts"));
      for (const one of said) {
        const node = element("div", "failure" + (one.level === "ERROR" ? " bad" : "")), mark = { ERROR: "▲ error", WARN: "◆ warning", INFO: "● info" }[one.level] || one.level;
        node.append(element("span", one.level === "WARN" ? "warm" : "soft", mark + " · " + moment(one.time_ns)), element("div", "", one.title));
        if (one.text) node.append(textBlock(one.text, "said soft"));
        this.alerts.append(node);
      }
    }
    const of = (other) => [linkTo(other, "/run?" + new URLSearchParams({ id: other }))];
    const edges = graph ? [...graph.upstream, ...graph.downstream].filter((edge) => edge.source_kind === "run" && edge.target_kind === "run" && ["forked", "rewound"].includes(edge.relation)) : [];
    const forks = [...new Set(edges.filter((edge) => edge.relation === "forked" && edge.source === id).map((edge) => edge.target))];
    const before = [...new Set(edges.filter((edge) => edge.relation === "rewound").map((edge) => (edge.source === id ? edge.target : edge.source)).filter((one) => one !== id))];
    const { origin = {} } = run, rows = [
      ["Parent", run.parent_run_id && of(run.parent_run_id)],
      ["Goes on from", origin.run_id && [`${origin.relation} at step ${origin.step} of `, ...of(origin.run_id)]],
      ["Forks", forks.length && forks.flatMap((one, at) => [...(at ? [", "] : []), ...of(one)])],
      ["Before rewinds", before.length && before.flatMap((one, at) => [...(at ? [", "] : []), ...of(one)])],
      ["Children", children?.items.length && this.children(children)],
    ].map(([name, value]) => [name, value || null]);
    const table = factsTable(rows);
    this.related.replaceChildren(...(table.rows.length ? [element("h2", "", "Related runs"), table] : []));
  }

  children(page) {
    const nodes = page.items.map((run) => {
      const node = element("div", "child");
      node.append(statusNode(run.status), " ", linkTo(run.name, runHref(run)), element("span", "soft", " " + run.kind));
      return node;
    });
    if (page.cursor) nodes.push(element("div", "soft", "and more"));
    return nodes;
  }

  reproduce() {
    const command = "weft reproduce " + (/^[\w.@:/-]+$/.test(this.run.run_id) ? this.run.run_id : "'" + this.run.run_id.replaceAll("'", "'\\''") + "'"), line = element("pre", "mono reproduce", command);
    line.append(copyButton(command));
    this.again.replaceChildren(element("h2", "", "Run it again"), line, element("p", "soft", "writes the commit's checkout, the patch, packages, inputs and the command into a folder."));
  }
}

const SUMMARY_SHOWN = 60;

function summaryTable(entries, all, media) {
  const table = element("table", "summary-table");
  const put = ([name, value]) => {
    const row = table.insertRow(), cell = element("td");
    row.append(element("th", "", name), cell);
    const figure = value instanceof Exact ? Number(value.source) : value;
    if (typeof figure === "number") { cell.className = "r"; cell.textContent = threeDigits(figure); cell.title = String(value); }
    else if (value !== null && typeof value === "object" && value._weft) { cell.className = "r"; cell.append(linkTo(loggedWords(value), media)); }
    else if (value !== null && typeof value === "object") {
      cell.remove();
      row.firstChild.colSpan = 2;
      row.firstChild.append(jsonTree(value, 1));
    }
    else cell.textContent = value === null ? MISSING : String(value);
  };
  const shown = all ? entries : entries.slice(0, SUMMARY_SHOWN);
  shown.forEach(put);
  if (shown.length === entries.length) return table;
  const box = element("div"), more = button(`Show ${entries.length - shown.length} more`, "", () => { more.remove(); entries.slice(SUMMARY_SHOWN).forEach(put); }, "more");
  box.append(table, more);
  return box;
}

// What was logged besides a number, in words.
function loggedWords(value) {
  const words = [String(value.kind ?? value._weft)], figure = (name) => plainNumber(value[name]);
  if (value.rows !== undefined) words.push(count(value.rows) + " rows");
  if (value.width !== undefined && value.height !== undefined) words.push(`${figure("width")} × ${figure("height")}`);
  if (typeof value.caption === "string") words.push(value.caption);
  return words.join(", ");
}

// Four significant digits, the whole on hover.
function threeDigits(value) {
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return value.toLocaleString("en-US");
  const short = Number(value.toPrecision(4));
  return Math.abs(short) >= 1e6 || (short !== 0 && Math.abs(short) < 1e-4) ? short.toExponential() : String(short);
}

export default mountOf(RunOverview);
