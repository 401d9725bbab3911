// The head of a sweep's page: how it stands, how far it is, and what a person does with it.
const DELETES = "delete";

class SweepHead {
  constructor(host, model) {
    Object.assign(this, { host, model });
    this.name = element("h1");
    this.status = element("span");
    this.id = element("button", "id", model.id);
    this.id.title = "Copy the id";
    this.id.onclick = () => navigator.clipboard.writeText(model.id).then(() => { this.id.textContent = "copied"; window.setTimeout(() => { this.id.textContent = model.id; }, 1200); });
    const title = element("div", "run-title");
    title.append(this.name, this.status, this.id);
    this.line = element("div", "run-line");
    this.bar = element("div", "sweep-progress");
    this.acts = element("div", "buttons");
    this.problem = element("div");
    this.form = element("div", "formhost");
    host.append(title, this.line, this.bar, this.acts, this.problem, this.form);
    this.ends = model.onChange(() => this.show());
  }

  show() {
    const { sweep, error } = this.model;
    this.problem.replaceChildren(...(error ? [errorNode(error)] : []));
    if (!sweep) {
      if (!error) this.problem.replaceChildren(element("div", "soft", "Still waiting for the server: a sweep with very many trials, or a server with much to do."));
      return;
    }
    const { config } = sweep, run_cap = config.run_cap ?? null;
    this.name.textContent = sweep.name;
    document.title = "Sweep " + sweep.name + " · Weft";
    this.status.replaceChildren(statusNode(sweep.status));
    const key = JSON.stringify([sweep, this.model.trials.agent.length, this.model.trials.status.filter((word) => word === "running").length]);
    if (key === this.key) return;
    this.key = key;
    this.line.replaceChildren(...this.facts(sweep, config));
    const tried = this.model.trials.known.filter((known) => !known).length, knownOnes = this.model.count - tried;
    const told = TRIAL_WORDS.filter((word) => sweep.counts[word]).map((word) => `${count(sweep.counts[word])} ${word}`).join(" · ") || "no trial has begun";
    const cap = element("span", "soft", `${count(tried)}${run_cap === null ? "" : " of " + count(run_cap)} ${tried === 1 && run_cap === null ? "trial" : "trials"}${knownOnes ? `, ${count(knownOnes)} known before` : ""}: ${told}`);
    if (sweep.status !== "canceled") cap.append(" ", button(run_cap === null ? "set a cap" : "change the cap", "How many trials it may have", () => this.cap(run_cap), "quiet"));
    this.bar.replaceChildren(trialsBar(sweep.counts, run_cap === null ? 0 : run_cap + knownOnes), cap);
    this.actions(sweep);
  }

  facts(sweep, config) {
    const { model } = this, fact = (name, text, title) => {
      const node = element("span");
      node.append(element("b", "", name), ...[text].flat());
      if (title) node.title = title;
      return node;
    };
    const bests = model.objectives.map((objective, at) => {
      const best = model.best(at);
      if (best === null) return fact(objective.name, "no result yet", `to be ${goalWord(objective)}`);
      const link = linkTo(number(model.trials.values[at][best], 4), trialRunHref(model.trials.run_id[best]));
      link.title = String(model.trials.values[at][best]);
      return fact(`best ${objective.name}${model.objectives.length === 1 && sweep.status === "running" ? " so far" : ""}`, [model.trials.run_id[best] ? link : number(model.trials.values[at][best], 4), ` (trial ${best})`], `to be ${goalWord(objective)}`);
    });
    const targets = model.objectives.filter((one) => one.target !== null).map((one) => fact("target", `${one.name} ${one.goal === "maximize" ? "≥" : "≤"} ${one.target}`));
    const sampler = samplerWords(config), early = earlyWords(config);
    return [...bests, ...targets, fact("method", config.method ?? MISSING), ...(sampler ? [fact("sampler", sampler)] : []), ...(early ? [fact("stops early", early)] : []),
      fact("begun", ago(sweep.created_ns), moment(sweep.created_ns)), ...(sweep.author ? [fact("by", sweep.author)] : [])];
  }

  actions(sweep) {
    const { status } = sweep, change = (to) => () => this.act(() => send(this.model.path, { status: to }, "PATCH"));
    const ended = status === "canceled", goes = status === "running";
    const nodes = [
      goes ? button("Pause", "Begin no more trials until it is resumed; those at work go on (p)", change("paused")) : null,
      !goes && !ended ? button("Resume", "Go on (p)", change("running"), "primary") : null,
      goes || status === "paused" ? button("Stop", "Begin no more trials; those at work go on, agents end", change("stopped")) : null,
      !ended && status !== "finished" ? button("Cancel…", "End it for good, and the trials at work", () => this.cancel(), "danger") : null,
      !ended ? button("Edit…", "More trials, a narrower space (e)", () => this.edit()) : null,
      button("Copy as a new sweep…", "Begin another with this configuration", () => this.again()),
      button("Agents…", "The line that runs its trials (a)", () => this.agents()),
      button("Delete…", "Forget the sweep and its trials; their runs stay", () => this.remove(), "danger"),
    ];
    this.acts.replaceChildren(...nodes.filter(Boolean));
  }

  async act(change) {
    this.problem.replaceChildren();
    try { await change(); } catch (error) { this.problem.replaceChildren(errorNode(error)); }
    await this.model.read();
  }

  cancel() {
    const running = this.model.sweep.counts.running || 0;
    form(this.form, "Cancel the sweep?", [element("div", "", `It ends for good${running ? `, and with it ${count(running)} ${running === 1 ? "trial that is" : "trials that are"} at work` : ""}. What was found stays.`)], "Cancel for good", async () => {
      await send(this.model.path, { status: "canceled" }, "PATCH");
      await this.model.read();
      return "Canceled.";
    });
  }

  remove() {
    const word = input("", DELETES);
    word.setAttribute("aria-label", "Write delete");
    form(this.form, `Delete ${this.model.sweep.name}?`, [element("div", "", `Its ${count(this.model.count)} trials are forgotten; their runs stay. Write “${DELETES}” to say that you mean it.`), field("Sure?", word)], "Delete for good", async () => {
      if (word.value.trim() !== DELETES) throw new Error(`Write "${DELETES}" to say that you mean it.`);
      await ask(this.model.path, { method: "DELETE" });
      visit("/sweeps?" + new URLSearchParams({ project: this.model.sweep.project }));
      return "Deleted.";
    });
  }

  async edit() {
    const { text } = await ask(this.model.path + "/text"), editor = new SweepEditor(text);
    form(this.form, "Edit the sweep", [element("div", "soft", "Agents follow from their next trial on. What was tried stays. A finished sweep goes on, where there is more to try."), editor.node], "Store", async () => {
      await send(this.model.path + "/edit", { text: editor.text });
      await this.model.read();
      return "Stored.";
    });
    this.form.firstChild.classList.add("sweep-form");
  }

  cap(now) {
    const most = input(now === null ? "" : String(now), "no limit", "number");
    most.min = "1";
    form(this.form, "How many trials may it have?", [element("div", "soft", "Empty: as many as its agents begin. A finished sweep goes on, where there is more to try."), field("Run cap", most)], "Store", async () => {
      const wanted = most.value.trim();
      if (wanted && !(Number.isInteger(Number(wanted)) && Number(wanted) >= 1)) throw new Error("Write a whole number of at least 1, or nothing.");
      await send(this.model.path + "/edit", { run_cap: wanted ? Number(wanted) : null });
      await this.model.read();
      return "Stored.";
    });
  }

  async again() {
    const { text } = await ask(this.model.path + "/text");
    startForm(this.form, this.model.sweep.project, text, "Copy as a new sweep");
  }

  agents() {
    const node = element("div", "form");
    node.append(element("div", "formtitle", "Run its trials"), agentLines(this.model.sweep), button("Close", "esc", () => this.form.replaceChildren()));
    this.form.replaceChildren(node);
  }

  press(key) {
    const { sweep } = this.model;
    if (!sweep) return false;
    if (key === "p" && sweep.status !== "canceled") this.act(() => send(this.model.path, { status: sweep.status === "running" ? "paused" : "running" }, "PATCH"));
    else if (key === "e" && sweep.status !== "canceled") this.edit();
    else if (key === "a") this.agents();
    else return false;
    return true;
  }

  stop() { this.ends(); }
}

// A form that begins a sweep and then shows the line that runs it.
function startForm(host, project, text, title) {
  const editor = new SweepEditor(text), name = input("", "from the configuration, where it is left out");
  name.setAttribute("aria-label", "Name of the sweep");
  form(host, title, [field("Name", name), editor.node], "Begin the sweep", async () => {
    if (!(await editor.check())) throw new Error("Mend the mistakes first.");
    const made = await send(`/api/projects/${encodeURIComponent(project)}/sweeps`, { text: editor.text, name: name.value.trim() || null });
    return [element("div", "", "It waits for agents: "), linkTo(made.name, sweepHref(made)), agentLines(made)];
  });
  host.firstChild.classList.add("sweep-form");
}

const namedWords = (one) => (typeof one === "string" ? one : `${one.name}${Object.keys(one).length > 1 ? " (" + Object.entries(one).filter(([key]) => key !== "name").map(([key, value]) => `${key} ${paramText(value)}`).join(", ") + ")" : ""}`);

function samplerWords(config) {
  if (config.sampler) return namedWords(config.sampler);
  return config.method === "bayes" ? "tpe" : "";
}

function earlyWords(config) {
  const rule = config.early_terminate;
  if (config.pruner) return namedWords(config.pruner);
  if (!rule) return "";
  return `hyperband, ${rule.min_iter ? "from iteration " + rule.min_iter : `${rule.s} bands below ${rule.max_iter}`}, eta ${rule.eta ?? 3}`;
}
