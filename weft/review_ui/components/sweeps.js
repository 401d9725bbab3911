// The sweeps of a project, live; and the form that begins one.
const SWEEPS_AGAIN_MS = 2000;

class SweepsPage extends Listening {
  constructor(root, data) {
    super();
    this.root = root;
    this.data = data;
    this.at = -1;
    this.start = button("Start a sweep…", "n", () => startForm(this.form, data.project, SWEEP_TEMPLATE, "Start a sweep"), "primary");
    this.words = input(asked().get("q") || "", "Find a sweep", "search");
    this.words.className = "words";
    this.words.setAttribute("aria-label", "Find a sweep");
    this.words.oninput = () => { remember({ q: this.words.value.trim() }, false); this.show(); };
    this.found = element("span", "found");
    this.found.setAttribute("role", "status");
    const bar = element("div", "topbar");
    bar.append(this.words, this.start, this.found);
    this.form = element("div", "formhost");
    this.problem = element("div");
    this.body = element("div");
    root.append(bar, this.form, this.problem, this.body);
    const press = (event) => this.key(event);
    document.addEventListener("keydown", press, true);
    this.listens.push(() => document.removeEventListener("keydown", press, true));
    this.read();
  }

  async read() {
    try {
      if (!document.hidden || !this.sweeps) {
        const sweeps = await ask(`/api/projects/${encodeURIComponent(this.data.project)}/sweeps`), key = JSON.stringify(sweeps);
        if (this.stopped) return;
        this.problem.replaceChildren();
        const minute = Math.floor(Date.now() / 30000);
        if (key !== this.known || minute !== this.minute) { Object.assign(this, { sweeps, known: key, minute }); this.show(); }
      }
    } catch (error) { this.problem.replaceChildren(errorNode(error)); }
    if (!this.stopped) this.later(() => this.read(), SWEEPS_AGAIN_MS);
  }

  show() {
    const words = this.words.value.trim().toLowerCase();
    this.shown = (this.sweeps ?? []).filter(({ sweep, method }) => !words || [sweep.name, sweep.sweep_id, sweep.status, sweep.author, method].join(" ").toLowerCase().includes(words));
    this.words.hidden = this.found.hidden = !(this.sweeps ?? []).length;
    this.found.textContent = this.shown.length === (this.sweeps ?? []).length ? `${count(this.shown.length)} ${this.shown.length === 1 ? "sweep" : "sweeps"}` : `${count(this.shown.length)} of ${count(this.sweeps.length)} sweeps`;
    if (!(this.sweeps ?? []).length) {
      this.body.replaceChildren(emptyNode("No sweep has begun in this project yet. Write what is searched, begin it, and have agents run its trials:", "weft sweep sweep.yaml --project " + this.data.project + "\nweft agent SWEEP"));
      return;
    }
    if (!this.shown.length) { this.body.replaceChildren(element("div", "soft", "No sweep has these words.")); return; }
    const table = element("table", "sweeps-table"), top = table.createTHead().insertRow();
    for (const [text, low] of [["Name"], ["Status"], ["Method", 1], ["Metric", 1], ["Best"], ["Trials"], ["Begun", 1], ["By", 1]]) top.append(element("th", low ? "low" : "", text));
    const body = table.createTBody();
    this.shown.forEach((one, at) => body.append(this.row(one, at)));
    this.body.replaceChildren(table);
  }

  row({ sweep, method, run_cap, objectives, best }, at) {
    const row = element("tr", at === this.at ? "at" : ""), cell = (nodes, className = "", title = "") => {
      const node = row.insertCell();
      node.className = className;
      node.append(...[nodes].flat());
      if (title) node.title = title;
    };
    const href = sweepHref(sweep), link = linkTo(sweep.name, href);
    row.onclick = (event) => { if (!event.target.closest("a, button")) follow(event, href); };
    cell(link, "name", `${sweep.name} · ${sweep.sweep_id}`);
    cell(statusNode(sweep.status));
    cell(method ?? MISSING, "low");
    cell(objectives.map((one) => element("div", "", `${one.name} ${one.goal === "maximize" ? "↑" : "↓"}`)), "low", objectives.map((one) => `${one.name} to be ${goalWord(one)}`).join(", ") || "no metric");
    if (!best || !best.values) cell(MISSING, "r", "no trial has come to its end with a value");
    else {
      const text = best.values.map((value) => number(value, 4)).join(", ");
      cell([best.run_id ? linkTo(text, trialRunHref(best.run_id)) : text, element("span", "soft", ` trial ${plainNumber(best.number)}`)], "r", best.values.map((value, n) => `${objectives[n]?.name ?? "value"} ${value}`).join(", "));
    }
    const counts = Object.fromEntries(Object.entries(sweep.counts).map(([word, n]) => [word, plainNumber(n)])), total = Object.values(counts).reduce((sum, n) => sum + n, 0);
    cell([trialsBar(counts, run_cap), element("span", "soft", count(total) + (run_cap ? " of " + count(run_cap) : ""))], "bar-cell");
    cell(ago(sweep.created_ns), "low", moment(sweep.created_ns));
    cell(sweep.author ?? MISSING, "low");
    return row;
  }

  key(event) {
    if (leavesText(event)) { event.preventDefault(); event.stopPropagation(); return; }
    if (event.key === "Escape" && this.form.hasChildNodes() && !inDialog(event)) { this.form.replaceChildren(); event.preventDefault(); event.stopPropagation(); return; }
    if (typing(event)) return;
    const step = { j: 1, k: -1 }[event.key];
    if (event.key === "n") this.start.click();
    else if (event.key === "/" && !this.words.hidden) this.words.focus();
    else if (step && this.shown?.length) { this.at = Math.min(this.shown.length - 1, Math.max(0, this.at + step)); this.show(); this.body.querySelector("tr.at")?.scrollIntoView({ block: "nearest" }); }
    else if (event.key === "Enter" && this.shown?.[this.at] && !/^(BUTTON|A|SUMMARY)$/.test(event.composedPath()[0].tagName)) visit(sweepHref(this.shown[this.at].sweep));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

export default mountOf(SweepsPage);
