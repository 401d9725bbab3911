// The best trial: its parameters against those of the baseline or the first trial, its run, the line that repeats it; of
// an evaluation its interval and how the two compare. Below, who is at work.
class BestTrial {
  constructor(host, model, board) {
    Object.assign(this, { host, model, board });
    this.node = element("section", "winner");
    this.agents = element("section", "agents");
    host.append(this.node, this.agents);
    this.listens = [model.onChange(() => this.update())];
    this.timer = window.setInterval(() => this.showAgents(), 1000);
  }

  update() {
    const { model } = this;
    if (!model.sweep) return;
    const several = model.objectives.length > 1, which = objectiveAt(model, this.board), best = model.best(which), front = several ? model.front() : [];
    this.showAgents();
    const key = JSON.stringify([best, model.trials.changed_ns[best], model.against.at, model.trials.changed_ns[model.against.at], which, front, model.parameters.length]);
    if (key === this.key) return;
    this.key = key;
    if (best === null) {
      this.node.replaceChildren(element("h2", "", "Best trial"), element("div", "soft", model.count ? "No trial has come to its end with a value yet." : "No trial has begun: the line below runs them."), ...(model.count ? [] : [agentLines(model.sweep)]));
      return;
    }
    const { trials, against } = model, run = trials.run_id[best], head = element("div", "winner-head"), objective = model.objectives[which];
    head.append(element("h2", "", several ? `Best trial in ${objective.name}` : "Best trial"), element("span", "star", "★"), element("b", "", String(best)));
    if (run) head.append(linkTo("its run", trialRunHref(run)));
    const choose = button("Choose", "Draw it in every chart", () => model.choose([...model.chosen, best]), "quiet");
    head.append(choose);
    const values = element("div", "winner-values");
    model.objectives.forEach((one, n) => {
      const part = element("span");
      part.append(element("b", "", one.name), " ", element("span", "figure", number(trials.values[n][best], 4)));
      part.title = String(trials.values[n][best]);
      const other = trials.values[n][against.at] ?? null;
      if (best !== against.at && other !== null) part.append(element("span", "soft", ` · the ${against.name} had ${number(other, 4)}`));
      values.append(part);
    });
    if (several) {
      const told = element("div", "soft", `${count(front.length)} ${front.length === 1 ? "trial is" : "trials are"} on the Pareto front: nothing beats them in one objective without losing in another. `);
      told.append(button("Choose them", "Mark them in every chart and in the table", () => model.choose(front), "quiet"));
      values.append(told);
    }
    this.eval = element("div");
    this.again = element("div");
    this.node.replaceChildren(head, values, this.eval, this.table(best), this.again);
    this.repeat(best, run);
    this.judged(best, run);
  }

  // Parameters beside those of the other trial, what differs in bold.
  table(best) {
    const { trials, parameters, against } = this.model, table = element("table", "winner-table"), top = table.createTHead().insertRow(), other = best !== against.at && trials.status[against.at] !== undefined;
    for (const text of ["Parameter", "Best", ...(other ? [against.name[0].toUpperCase() + against.name.slice(1)] : [])]) top.append(element("th", "", text));
    for (const { path } of parameters) {
      const mine = trials.params[path]?.[best] ?? null, theirs = trials.params[path]?.[against.at] ?? null;
      if (mine === null && (theirs === null || !other)) continue;
      const row = table.insertRow(), differs = other && JSON.stringify(mine) !== JSON.stringify(theirs);
      const name = element("th", "", path);
      name.title = path;
      row.append(name);
      const cell = row.insertCell();
      cell.append(element(differs ? "b" : "span", "", paramText(mine)));
      cell.title = JSON.stringify(mine);
      if (other) { const cell = row.insertCell(); cell.textContent = paramText(theirs); cell.title = JSON.stringify(theirs); }
    }
    return table;
  }

  // The lines that run it once more.
  async repeat(best, run) {
    const box = element("div", "agent-lines"), add = (what, code) => {
      const pre = element("pre", "mono", code);
      pre.append(copyButton(code));
      box.append(element("div", "soft", what), pre);
    };
    try {
      const { command } = await ask(`${this.model.path}/trials/${best}/command`);
      if (command) add("Its command, to run it again", command);
    } catch { /* a configuration that is no longer understood has no command to tell */ }
    if (run) add("As it was: code, settings, environment", "weft reproduce " + run);
    this.again.replaceChildren(...(box.hasChildNodes() ? [box] : []));
  }

  // Of an evaluation: the aggregate with its interval, and the paired difference to the other trial.
  async judged(best, run) {
    const { trials, objectives, against } = this.model, first = trials.run_id[against.at];
    if (!run) return;
    try {
      const told = await ask("/api/runs/" + encodeURIComponent(run));
      if (told.kind !== "eval") return;
      const figures = await ask(`/api/evaluations/${encodeURIComponent(run)}/figures`), lines = [];
      for (const { name } of objectives) {
        const figure = figures.summary?.[name];
        if (figure) lines.push([name, `${interval(figure)}, n = ${count(figure.n)}`]);
      }
      lines.push(["Evaluation", linkTo("its examples and answers", "/evaluation?" + new URLSearchParams({ id: run }))]);
      if (best !== against.at && first && trials.status[against.at] === "complete") {
        const found = await ask("/api/comparisons?" + new URLSearchParams({ runs: first + "," + run })).catch(() => null);
        const rows = found?.pairs?.[0]?.metrics ?? [];
        for (const { name } of objectives) {
          const row = rows.find((one) => one.metric === name);
          if (row) lines.push([`Against the ${against.name}`, row.sentence]);
        }
        lines.push(["Paired", linkTo(`compare it with the ${against.name}`, "/compare?" + new URLSearchParams({ runs: first + "," + run }))]);
      }
      this.eval.replaceChildren(factsTable(lines));
    } catch (error) { if (error.status !== 404) this.eval.replaceChildren(element("div", "soft", error.message)); }  // a run that is not there (yet) has no more to tell
  }

  showAgents() {
    const { trials, sweep } = this.model;
    if (!sweep) return;
    const working = trials.number.filter((at) => AT_WORK.has(trials.status[at])), now = Date.now() * 1e6;
    if (!working.length) { this.agents.replaceChildren(); return; }
    const table = element("table", "agents-table"), top = table.createTHead().insertRow();
    for (const text of ["Agent", "Host", "Trial", "For", "Lease"]) top.append(element("th", "", text));
    for (const at of working.slice(0, 64)) {
      const row = table.insertRow(), left = (trials.lease_until_ns[at] ?? 0) - now, agent = row.insertCell();
      agent.textContent = shortAgent(trials.agent[at]);
      agent.title = trials.agent[at] ?? "";
      row.insertCell().textContent = trials.host[at] ?? MISSING;
      const link = trials.run_id[at] ? linkTo(String(at), trialRunHref(trials.run_id[at])) : document.createTextNode(String(at));
      row.insertCell().append(link);
      row.insertCell().textContent = duration(Math.max(0, now - trials.started_ns[at]));
      const lease = row.insertCell();
      lease.append(trials.status[at] === "crashed" || left < 0 ? statusNode("crashed", "crashed", "Its agent let the lease go by: the next agent begins it again") : element("span", "", duration(left)));
    }
    const agents = new Set(working.map((at) => trials.agent[at])).size;
    this.agents.replaceChildren(element("h2", "", `At work: ${count(agents)} ${agents === 1 ? "agent" : "agents"}`), table);
  }

  stop() {
    for (const end of this.listens) end();
    window.clearInterval(this.timer);
    this.node.remove();
    this.agents.remove();
  }
}
