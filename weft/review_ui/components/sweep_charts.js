// The charts of a sweep, all on one model: what one chooses or points at is seen in the others.
const SWEEP_PARTS = { parallel: SweepParallel, importance: SweepImportance, contours: SweepContours, slices: SweepSlices, front: SweepFront };

class SweepCharts {
  constructor(host, model, { parts = Object.keys(SWEEP_PARTS) } = {}) {
    this.model = model;
    this.host = element("div", "sweep-charts");
    this.node = element("div", "sweep-grid");
    this.host.append(this.node);
    this.top = element("div", "topbar");
    this.pick = chooser([], "");
    this.pick.setAttribute("aria-label", "Objective of the charts");
    this.pick.onchange = () => this.set({ objective: this.pick.value });
    this.only = element("span");
    this.top.append(element("span", "soft", "Coloured and explained by "), this.pick, this.only);
    this.legend = element("span", "ramp");
    this.top.append(this.legend);
    this.node.append(this.top);
    host.append(this.host);
    this.read();
    this.charts = parts.map((name) => new SWEEP_PARTS[name](this.node, this));
    this.deaf = [model.onChoose(() => this.each("chosen")), model.onPoint((number) => this.each("pointed", number))];
    this.back = () => { if (this.node.isConnected) this.update(); };
    window.addEventListener("popstate", this.back);
    this.update();
  }

  each(name, ...given) { for (const chart of this.charts) chart[name]?.(...given); }

  get(name) { return asked().get(name) || ""; }
  list(name) { try { const found = JSON.parse(this.get(name) || "[]"); return Array.isArray(found) ? found : []; } catch { return []; } }
  set(changes) { remember(changes, false); this.update(); }

  read() {
    this.trials = new SweepTrials(this.model);
    const names = this.trials.objectives.map((axis) => axis.name), found = names.indexOf(this.get("objective"));
    this.at = Math.max(0, found);
  }

  // The model has changed, or the address.
  update() {
    this.read();
    const { trials, at } = this, several = trials.objectives.length > 1;
    this.pick.replaceChildren(...trials.objectives.map((axis) => new Option(axis.name, axis.name)));
    this.pick.value = trials.objectives[at]?.name ?? "";
    this.pick.hidden = !several;
    this.only.textContent = several ? "" : trials.objectives[at]?.name ?? "";
    this.ramp();
    this.each("update");
  }

  ramp() {
    const axis = this.trials.objectives[this.at];
    this.top.hidden = !axis;
    if (!(axis?.known > 1)) { this.legend.replaceChildren(); return; }
    const { from, to } = this.trials.goodness(this.at), bar = element("span", "ramp-bar");
    bar.style.background = `linear-gradient(to right, ${shadesOf(inkOf(this.node)).join(", ")})`;
    this.legend.replaceChildren(element("span", "soft", `${number(from)} or worse`), bar, element("span", "soft", `${number(to)} the best`));
  }

  redraw() { this.each("redraw"); }

  destroy() {
    for (const end of this.deaf) end?.();
    window.removeEventListener("popstate", this.back);
    this.each("destroy");
    this.host.remove();
  }
}
