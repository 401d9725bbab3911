// What runs logged under one name, side by side, at the step that the slider says.
const MEDIA_AT_ONCE = 1000;

class MediaPanel {
  constructor(host, name, context) {
    this.name = name;
    this.context = context;
    this.frees = [];
    this.node = element("article", "logged-panel");
    this.node.setAttribute("aria-label", "Media " + name);
    const head = element("header"), title = element("span", "title", name);
    title.title = name;
    this.place = element("output", "soft");
    this.slide = input("0", "", "range");
    this.slide.setAttribute("aria-label", "Step of " + name);
    this.slide.oninput = () => this.show();
    this.slide.hidden = true;
    head.append(title, this.slide, this.place);
    this.body = element("div", "side-by-side");
    this.node.append(head, this.body);
    host.append(this.node);
  }

  async load(runs) {
    this.runs = runs;
    const turn = (this.turn = (this.turn || 0) + 1), before = this.steps?.length ? this.steps[Number(this.slide.value)] : null, wish = this.steps ? null : asked().get("step");
    const atEnd = !wish && (!this.steps || Number(this.slide.value) === this.steps.length - 1);
    try {
      const found = await Promise.all(runs.map((run) => ask(`/api/runs/${encodeURIComponent(run.run_id)}/logged/values?` + new URLSearchParams({ name: this.name, limit: MEDIA_AT_ONCE }))));
      if (turn !== this.turn) return;
      this.values = found;
    } catch (error) { this.body.replaceChildren(errorNode(error)); return; }
    this.steps = [...new Set(this.values.flat().map((value) => value.step))].sort((a, b) => a - b);
    this.slide.max = String(Math.max(0, this.steps.length - 1));
    const nearest = this.steps.findLastIndex((step) => step <= (wish ? Number(wish) : before));
    this.slide.value = String(atEnd ? this.steps.length - 1 : Math.max(0, nearest));
    this.slide.hidden = this.steps.length < 2;
    this.show();
  }

  show() {
    const step = this.steps[Number(this.slide.value)];
    this.place.textContent = step === undefined ? "" : "step " + step.toLocaleString("en-US") + (this.steps.length > 1 ? ` (${Number(this.slide.value) + 1} of ${this.steps.length})` : "");
    this.slide.setAttribute("aria-valuetext", "step " + step);
    // Per run and source the latest at or before the step.
    const shown = [];
    this.runs.forEach((run, at) => {
      const latest = new Map();
      for (const value of this.values[at]) if (value.step <= step) latest.set(value.source, value);
      if (!latest.size) shown.push([run, null]);
      for (const value of latest.values()) shown.push([run, value]);
    });
    const key = shown.map(([run, value]) => run.run_id + (value ? `${value.source} ${value.step} ${value.time_ns}` : "")).join("|");
    if (key === this.key) return;
    this.key = key;
    this.free();
    this.body.replaceChildren(...shown.map(([run, value]) => this.column(run, value, shown.length > 1)));
  }

  column(run, value, several) {
    const node = element("section", "of-run"), items = value ? value.data.items || [value.data] : [];
    if (several) {
      const head = element("div", "run-name");
      head.append(swatch(this.context.colours(run.run_id), 0), " " + run.name + (value?.source ? " " + value.source : ""));
      if (value) head.append(element("span", "soft", " step " + value.step.toLocaleString("en-US")));
      node.append(head);
    }
    const grid = element("div", "values" + (items.length > 1 ? " many" : ""));
    const context = { project: value?.project || this.context.project, frees: this.frees, at: { run_id: run.run_id, name: this.name, source: value?.source, step: value?.step } };
    for (const item of items.slice(0, 100)) grid.append(item && typeof item === "object" ? valueNode(item, context) : element("span", "null", MISSING));
    if (items.length > 100) grid.append(element("span", "soft", `and ${items.length - 100} more`));
    if (!value) grid.append(element("span", "null", "nothing up to this step"));
    node.append(grid);
    return node;
  }

  free() { for (const free of this.frees.splice(0)) free(); }
  stop() { this.turn = -1; this.free(); this.node.remove(); }
}
