// How sweeps and trials stand, in the order in which they are told; values and times as the pages of sweeps write them.
const TRIAL_WORDS = ["complete", "running", "pruned", "failed", "crashed", "canceled"];

// Trials by status, a part of the bar each; what may still come is left blank.
function trialsBar(counts, cap) {
  const total = TRIAL_WORDS.reduce((sum, word) => sum + (counts[word] || 0), 0), node = element("span", "trials-bar");
  const told = TRIAL_WORDS.filter((word) => counts[word]).map((word) => `${count(counts[word])} ${word}`);
  node.title = told.join(", ") || "no trial has begun";
  node.setAttribute("role", "img");
  node.setAttribute("aria-label", node.title + (cap ? ` of ${count(cap)}` : ""));
  for (const word of TRIAL_WORDS) {
    if (!counts[word]) continue;
    const part = element("span", "part " + word);
    part.style.flexGrow = counts[word];
    node.append(part);
  }
  const left = Math.max(0, (cap || 0) - total);
  if (left || !total) {
    const rest = element("span", "part rest");
    rest.style.flexGrow = left || 1;
    node.append(rest);
  }
  return node;
}

const sweepHref = (sweep, more = {}) => "/sweep?" + new URLSearchParams({ id: sweep.sweep_id, project: sweep.project, ...more });
const trialRunHref = (runId) => "/run?" + new URLSearchParams({ id: runId });
// The place of the objective that the page's charts are about, by the name in the address.
const objectiveAt = (model, board) => Math.max(0, model.objectives.findIndex((one) => one.name === board.get("objective")));
const goalWord = (objective) => (objective.goal === "maximize" ? "large" : "small");
const lastPart = (path) => path.slice(path.lastIndexOf(".") + 1);

// A parameter's value in a table: what is not there is a dash.
function paramText(value) {
  if (value === null || value === undefined) return MISSING;
  if (typeof value === "number") return value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(2) : number(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}

// How long a trial took, or takes, in ns; null where it cannot be said.
function tookNs(trials, at) {
  const from = trials.started_ns[at], to = trials.ended_ns[at] ?? (trials.status[at] === "running" ? Date.now() * 1e6 : null);
  return trials.known[at] || !from || to === null ? null : Math.max(0, to - from);
}

const shortAgent = (agent) => (agent ? agent.replace(/-[0-9a-f]{6,}$/, "") : MISSING);

// What canvases of a sweep are drawn with beyond what all charts are.
function sweepInk(node) {
  const style = window.getComputedStyle(node), of = (name) => style.getPropertyValue(name).trim();
  return { ...inkOf(node), accent: of("--st-primary-color"), bad: of("--st-red-text-color"), warm: of("--st-orange-text-color"), good: of("--st-green-text-color"), blue: of("--st-blue-color") };
}

// What is known of a trial, beside the pointer.
class TrialReadout {
  constructor(host) {
    this.node = element("div", "readout trial-readout");
    this.node.hidden = true;
    host.append(this.node);
  }

  show(model, number_, event) {
    const { trials, objectives, parameters } = model, at = number_, table = element("table");
    const line = (name, text) => {
      const row = table.insertRow();
      row.append(element("td", "", name), element("td", "", text));
    };
    objectives.forEach((one, n) => line(one.name, trials.values[n][at] === null ? MISSING : number(trials.values[n][at], 5)));
    for (const { path } of parameters.filter((one) => one.kind !== "constant").slice(0, 10)) {
      const value = trials.params[path]?.[at] ?? null;
      if (value !== null) line(path, paramText(value).slice(0, 40));
    }
    const head = element("div", "readout-head"), why = trials.reason[at];
    head.append(element("b", "", "Trial " + at), statusNode(trials.status[at]), element("span", "", duration(tookNs(trials, at))));
    this.node.replaceChildren(head, ...(why ? [element("div", "why", why)] : []), table);
    this.node.hidden = false;
    const box = this.node.getBoundingClientRect();
    this.node.style.left = Math.max(4, event.clientX + 16 + box.width > window.innerWidth ? event.clientX - box.width - 16 : event.clientX + 16) + "px";
    this.node.style.top = Math.max(4, Math.min(event.clientY + 12, window.innerHeight - box.height - 8)) + "px";
  }

  hide() { this.node.hidden = true; }
}

// A chart whose marks are trials: `plot.near(x, y)` is the number of the one at a place, `update()` draws it.
class TrialChart {
  soon() {
    if (this.due) return;
    this.due = window.requestAnimationFrame(() => { this.due = 0; this.update(); });
  }

  at(event) {
    const box = this.plotHost.getBoundingClientRect();
    return this.plot.scale ? this.plot.near(event.clientX - box.left, event.clientY - box.top) : null;
  }

  move(event) {
    const number = this.at(event);
    this.model.point(number);
    number === null ? this.readout.hide() : this.readout.show(this.model, number, event);
  }

  leave() {
    this.readout.hide();
    this.model.point(null);
  }

  stop() {
    for (const end of this.listens) end();
    window.cancelAnimationFrame(this.due);
    this.sized.disconnect();
    this.readout.node.remove();
    this.node.remove();
  }
}

// The head of a chart: its name, its choices, and a menu that saves what is drawn.
function chartHead(chart, title, choices, lines) {
  const head = element("div", "topbar sweep-chart-head"), menu = button("⋯", "What can be done with this chart", (event) => openMenu(event.currentTarget, [
    ["CSV", "", () => save(fileName(title) + ".csv", csvOf(lines()))],
    ["PNG", "", () => saveImage({ plot: chart.plot, name: title }, chart.plot.ink)],
    ["SVG", "", () => saveDrawing({ plot: chart.plot, name: title }, chart.plot.ink)],
  ]), "quiet end");
  menu.setAttribute("aria-haspopup", "menu");
  head.append(element("h2", "", title), ...choices, menu);
  return head;
}

function tickBox(text, title, on, changed) {
  const label = element("label", "tick soft"), box = input("", "", "checkbox");
  box.checked = on;
  box.onchange = () => changed(box.checked);
  label.title = title;
  label.append(box, " " + text);
  return label;
}
