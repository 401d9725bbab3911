// The trials of a sweep as a table that stays live: sorted by any column, filtered by status and words, its rows linked
// with the charts. Only rows in sight are in the page.
const TRIAL_TICK_MS = 1000;
const FIRST_ORDER = "-number";

class TrialsTable {
  constructor(host, model, board, palette) {
    Object.assign(this, { host, model, board, palette });
    this.order = [];
    this.at = -1;
    this.build();
    this.listens = [model.onChange(() => this.soon()), model.onChoose(() => this.render()), model.onPoint((number) => this.glow(number))];
    this.timer = window.setInterval(() => this.tick(), TRIAL_TICK_MS);
  }

  build() {
    this.words = input("", "Find in trials", "search");
    this.words.className = "words";
    this.words.setAttribute("aria-label", "Find in trials");
    this.words.title = "Words in parameters, reasons, agents (/)";
    this.words.oninput = () => this.board.set({ words: this.words.value.trim() }, false);
    this.state = chooser([["", "Any status"], ...TRIAL_WORDS.map((word) => [word, MARKS[word] + " " + word])], "");
    this.state.setAttribute("aria-label", "Status of trials");
    this.state.onchange = () => this.board.set({ state: this.state.value }, false);
    this.only = button("Chosen only", "Only the trials that are chosen (o)", () => this.board.set({ only: this.board.get("only") ? "" : "1" }, false));
    this.found = element("span", "found");
    this.found.setAttribute("role", "status");
    this.bar = element("div", "topbar");
    this.bar.append(this.words, this.state, this.only, this.found);
    this.bulk = element("div", "buttons bulk");
    this.form = element("div", "formhost");
    this.bulk.hidden = true;
    this.node = element("div", "runs trials busy");
    this.head = element("div", "runs-head");
    this.head.setAttribute("role", "row");
    this.scroll = element("div", "runs-scroll");
    this.scroll.setAttribute("role", "grid");
    this.scroll.setAttribute("aria-label", "Trials");
    this.scroll.tabIndex = 0;
    this.canvas = element("div", "runs-canvas");
    this.scroll.append(this.head, this.canvas);
    this.node.append(this.scroll);
    this.host.append(this.bar, this.bulk, this.form, this.node);
    this.sight = new VirtualRows(this.scroll, this.canvas, (places) => places.map((at) => this.line(this.order[at], at)), { keyOf: (at) => this.keyOf(at) });
    this.sized = new ResizeObserver(() => this.soon());
    this.sized.observe(this.scroll);
    this.canvas.addEventListener("pointerover", (event) => this.model.point(numberOf(event.target)));
    this.canvas.addEventListener("pointerleave", () => this.model.point(null));
    this.canvas.addEventListener("click", (event) => {
      const number = numberOf(event.target);
      if (number !== null && !event.target.closest("a, button")) this.toggle(number);
    });
  }

  // What a column shows: its title, how wide it is, whether it is a number, what it is sorted by.
  columns() {
    const { model } = this, { trials } = model, one = (name) => (at) => trials[name][at];
    const found = [{ name: "status", title: "Status", wide: 104, by: (at) => TRIAL_WORDS.indexOf(trials.status[at]) }];
    model.objectives.forEach((objective, n) => found.push({ name: "value." + objective.name, title: objective.name, wide: 96, r: true, hint: `to be ${goalWord(objective)}`, by: (at) => trials.values[n]?.[at] ?? null, objective: n }));
    const constant = (one) => Number(one.kind === "constant");
    for (const parameter of [...model.parameters].sort((a, b) => constant(a) - constant(b))) {
      const column = trials.params[parameter.path] ?? [], r = !parameter.values || parameter.values.every((value) => typeof value === "number");
      found.push({ name: "param." + parameter.path, title: parameter.path, wide: widthFor(parameter), r, path: parameter.path, by: (at) => column[at] ?? null });
    }
    return [...found,
      { name: "run", title: "Run", wide: 96, by: one("run_id") }, { name: "agent", title: "Agent", wide: 150, by: one("agent") },
      { name: "duration", title: "Duration", wide: 92, r: true, by: (at) => tookNs(trials, at) }, { name: "attempts", title: "Attempts", wide: 80, r: true, by: one("attempts") },
      { name: "known", title: "Known", wide: 72, by: (at) => Number(trials.known[at]) }];
  }

  // Where not all columns fit, the second takes what the last whole one leaves, so that none is cut in its middle.
  spread(columns) {
    const room = this.scroll.clientWidth - 64;
    let fits = 0, sum = 0;
    while (fits < columns.length && sum + columns[fits].wide <= room) sum += columns[fits++].wide;
    if (fits > 1 && fits < columns.length) columns[1].wide += room - sum;
    return columns;
  }

  soon() {
    if (this.due) return;
    this.due = window.requestAnimationFrame(() => { this.due = 0; this.render(); });
  }

  render() {
    this.node.classList.toggle("busy", !this.model.sweep && !this.model.error);
    if (!this.model.sweep) return;
    const columns = (this.shownColumns = this.spread(this.columns())), key = JSON.stringify([columns.map(({ name, wide }) => [name, wide]), this.board.get("sort")]);
    if (key !== this.headKey) {
      this.headKey = key;
      this.scroll.style.setProperty("--columns", "64px " + columns.map(({ wide }) => wide + "px").join(" ") + " minmax(0, 1fr)");
      this.scroll.style.setProperty("--wide", 64 + columns.reduce((sum, { wide }) => sum + wide, 0) + "px");
      this.headTurn = (this.headTurn || 0) + 1;
      this.header(columns);
    }
    const kept = this.order[this.at];
    this.order = this.sorted();
    if (kept !== undefined) this.at = this.order.indexOf(kept);
    const best = this.model.best(), several = this.model.objectives.length > 1;
    this.stars = new Set(several ? this.model.front() : best === null ? [] : [best]);
    this.starred = several ? "On the Pareto front" : "The best so far";
    this.scroll.setAttribute("aria-rowcount", String(this.order.length));
    this.sight.show(this.order.length);
    this.follow();
  }

  // The numbers of the trials that are shown, in order; what has no value comes last.
  sorted() {
    const { trials, count: all, chosen } = this.model, state = this.board.get("state"), only = this.board.get("only"), words = this.board.get("words").toLowerCase();
    const found = [];
    for (let at = 0; at < all; at++) {
      if (state && trials.status[at] !== state) continue;
      if (only && !chosen.has(at)) continue;
      if (words && !this.says(at).includes(words)) continue;
      found.push(at);
    }
    const [, minus, name] = (this.board.get("sort") || FIRST_ORDER).match(/^(-?)(.*)$/), sign = minus ? -1 : 1;
    const column = this.shownColumns.find((one) => one.name === name);
    if (!column) return minus ? found.reverse() : found;
    const values = new Map(found.map((at) => [at, plainSort(column.by(at))]));
    return found.sort((a, b) => {
      const one = values.get(a), other = values.get(b);
      if (one === null || other === null) return (one === null) - (other === null) || a - b;
      if (typeof one === "number" && typeof other === "number") return sign * (one - other) || a - b;
      return sign * (String(one) < String(other) ? -1 : String(one) > String(other) ? 1 : 0) || a - b;
    });
  }

  says(at) {
    const { trials, parameters } = this.model;
    return [at, trials.reason[at], trials.agent[at], trials.host[at], trials.run_id[at], ...parameters.map(({ path }) => trials.params[path]?.[at] ?? "")].map((one) => (typeof one === "object" ? JSON.stringify(one) : String(one))).join(" ").toLowerCase();
  }

  header(columns) {
    const order = this.board.get("sort") || FIRST_ORDER, down = order.startsWith("-"), name = order.replace(/^-/, "");
    const cells = [{ name: "number", title: "Trial", r: false }, ...columns].map((column, at) => {
      const cell = element("div", "cell" + (column.r ? " r" : "") + (at ? "" : " first"));
      cell.setAttribute("role", "columnheader");
      const sorted = name === column.name;
      if (sorted) cell.setAttribute("aria-sort", down ? "descending" : "ascending");
      const act = button("", `${column.title}: sort by it${column.hint ? ", which is " + column.hint : ""}`, () => this.board.set({ sort: sorted && !down ? "-" + column.name : column.name }, false), "quiet sort");
      act.append(element("span", "name", column.title), ...(sorted ? [element("span", "", down ? " ↓" : " ↑")] : []));
      cell.append(act);
      return cell;
    });
    this.head.replaceChildren(...cells);
  }

  keyOf(at) {
    const number = this.order[at], { trials, chosen } = this.model;
    return [number, trials.changed_ns[number], trials.status[number], chosen.has(number), this.stars.has(number), at === this.at, this.headTurn].join(" ");
  }

  line(number, at) {
    const { trials, chosen, pointed } = this.model, node = element("div", "row" + (at === this.at ? " at" : "") + (chosen.has(number) ? " chosen" : "") + (number === pointed ? " bright" : ""));
    node.dataset.trial = number;
    node.setAttribute("aria-selected", String(chosen.has(number)));
    const first = element("div", "cell first check"), dot = element("span", "dot" + (chosen.has(number) ? "" : " off"));
    first.setAttribute("role", "rowheader");
    dot.style.setProperty("--colour", colourOf(trials.run_id[number] ?? String(number), this.palette));
    first.append(dot, String(number), ...(this.stars.has(number) ? [Object.assign(element("span", "star", "★"), { title: this.starred })] : []));
    node.append(first, ...this.shownColumns.map((column) => this.cell(column, number)));
    return node;
  }

  cell(column, at) {
    const { trials } = this.model, node = element("div", "cell" + (column.r ? " r" : ""));
    node.setAttribute("role", "gridcell");
    if (column.name === "status") {
      node.append(statusNode(trials.status[at]));
      node.title = trials.reason[at] || trials.status[at];
    } else if (column.name === "run") this.runLink(node, trials, at);
    else if (column.name === "agent") {
      node.textContent = shortAgent(trials.agent[at]);
      node.title = trials.agent[at] ? `${trials.agent[at]} on ${trials.host[at] ?? "an unknown host"}` : "no agent has it";
    } else if (column.name === "duration") {
      const took = tookNs(trials, at);
      node.textContent = duration(took);
      node.title = took === null ? "an earlier result, or its end is not known" : moment(trials.started_ns[at]);
      if (trials.status[at] === "running") node.dataset.took = at;
    } else if (column.name === "known") node.textContent = trials.known[at] ? "known" : "";
    else {
      const value = column.by(at);
      node.textContent = paramText(value);
      node.title = value !== null ? `${column.title} = ${typeof value === "object" ? JSON.stringify(value) : value}` : column.path ? `this trial has no ${column.title}` : trials.reason[at] || `the trial is ${trials.status[at]}`;
    }
    return node;
  }

  runLink(node, trials, at) {
    const run = trials.run_id[at];
    if (!run) { node.textContent = MISSING; node.title = "no run"; return; }
    const link = element("a", "", run.slice(0, 8));
    link.href = trialRunHref(run);
    link.title = run;
    link.onclick = (event) => follow(event, link.getAttribute("href"));
    node.append(link);
  }

  tick() {
    for (const node of this.canvas.querySelectorAll("[data-took]")) node.textContent = duration(tookNs(this.model.trials, Number(node.dataset.took)));
  }

  toggle(number) {
    const next = new Set(this.model.chosen);
    next.has(number) ? next.delete(number) : next.add(number);
    this.model.choose(next);
  }

  glow(number) {
    for (const node of this.canvas.children) node.classList.toggle("bright", number !== null && Number(node.dataset.trial) === number);
  }

  // Brings a trial into sight and makes it the one that keys act on.
  reach(number) {
    this.render();
    this.at = this.order.indexOf(number);
    if (this.at >= 0) this.sight.bring(this.at);
    this.sight.again();
  }

  // The bar above the table, and what can be done with what is chosen.
  follow() {
    const { model, board } = this, { chosen, trials } = model, active = this.host.getRootNode().activeElement;
    if (active !== this.words) this.words.value = board.get("words");
    this.state.value = board.get("state");
    this.only.setAttribute("aria-pressed", String(Boolean(board.get("only"))));
    this.only.disabled = !chosen.size && !board.get("only");
    this.found.textContent = this.order.length === model.count ? `${count(model.count)} ${model.count === 1 ? "trial" : "trials"}` : `${count(this.order.length)} of ${count(model.count)} trials`;
    const numbers = [...chosen], key = numbers.join() + numbers.map((at) => trials.status[at]).join();
    if (key === this.bulkKey) return;
    this.bulkKey = key;
    this.bulk.hidden = !numbers.length;
    const ending = numbers.filter((at) => AT_WORK.has(trials.status[at])), again = numbers.filter((at) => ["failed", "canceled"].includes(trials.status[at]));
    const runs = numbers.map((at) => trials.run_id[at]).filter(Boolean);
    this.bulk.replaceChildren(
      element("span", "", `${count(numbers.length)} chosen`),
      ...(ending.length ? [button("Cancel " + count(ending.length), "End these trials; their agents hear of it and go on with others", () => this.cancel(ending), "danger")] : []),
      ...(again.length ? [button("Try again " + count(again.length), "The next agent tries these trials again", () => this.retry(again))] : []),
      ...(runs.length ? [button("CSV", "These trials as a file", () => this.save(numbers))] : []),
      button("Forget the choice", "u", () => model.choose([]), "quiet"));
  }

  async each(numbers, what, body) {
    for (const number of numbers) await send(`${this.model.path}/trials/${number}/${what}`, body);
    await this.model.read();
  }

  cancel(numbers) {
    const why = input("", "kept with the trial, if you like");
    form(this.form, numbers.length === 1 ? `Cancel trial ${numbers[0]}?` : `Cancel ${count(numbers.length)} trials?`, [field("Why", why)], "Cancel for good", async () => {
      await this.each(numbers, "cancel", { reason: why.value.trim() || null });
      return "Canceled.";
    });
  }

  async retry(numbers) {
    try {
      await this.each(numbers, "retry", {});
      if (this.model.sweep.status === "finished") await send(this.model.path, { status: "running" }, "PATCH");
      told(this.form, numbers.length === 1 ? "The next agent tries it again." : "The next agents try them again.");
    } catch (error) { told(this.form, error.message, true); }
    await this.model.read();
  }

  save(numbers) {
    const { trials } = this.model, columns = this.columns();
    const lines = [["trial", ...columns.map(({ name, title }) => (name.startsWith("value.") || name.startsWith("param.") ? title : name)), "reason"]];
    for (const at of numbers) lines.push([at, ...columns.map((column) => csvCell(column, trials, at)), trials.reason[at]]);
    save(fileName(this.model.sweep.name) + ".csv", csvOf(lines));
  }

  press(key) {
    if (key === "j" || key === "k") {
      if (!this.order.length) return true;
      this.at = Math.min(this.order.length - 1, Math.max(0, this.at + (key === "j" ? 1 : -1)));
      this.sight.bring(this.at);
      this.sight.again();
      this.model.point(this.order[this.at]);
      return true;
    }
    const number = this.order[this.at];
    if (key === "o") { this.only.click(); return true; }
    if (key === "u") { this.model.choose([]); return true; }
    if (number === undefined) return false;
    if (key === "x") this.toggle(number);
    else if (key === "Enter" && this.model.trials.run_id[number]) visit(trialRunHref(this.model.trials.run_id[number]));
    else return false;
    return true;
  }

  stop() {
    for (const end of this.listens) end();
    window.clearInterval(this.timer);
    window.cancelAnimationFrame(this.due);
    this.sized.disconnect();
    this.sight.stop();
  }
}

function numberOf(target) {
  const row = target.closest && target.closest("[data-trial]");
  return row ? Number(row.dataset.trial) : null;
}

// As wide as the name of a parameter wants it, or its longest word.
function widthFor({ path, values, kind }) {
  const words = kind === "category" ? Math.max(0, ...values.slice(0, 50).map((value) => paramText(value).length)) * 6.6 + 22 : 0;
  return Math.round(Math.max(76, Math.min(150, path.length * 6.8 + 26), Math.min(260, words)));
}

const plainSort = (value) => (value === null || value === undefined ? null : typeof value === "number" || typeof value === "string" ? value : JSON.stringify(value));

function csvCell(column, trials, at) {
  if (column.name === "status") return trials.status[at];
  if (column.name === "duration") { const took = tookNs(trials, at); return took === null ? null : took / 1e9; }
  const value = column.by(at);
  return value !== null && typeof value === "object" ? JSON.stringify(value) : value;
}
