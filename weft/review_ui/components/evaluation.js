// One evaluation below its figures: distributions, tags, failures, samples.
const SVG = "http://www.w3.org/2000/svg";
const CHART_WIDE = 240, CHART_HIGH = 64;
const GROUPS_SHOWN = 24;

const UNITS = { latency_s: ["Latency", (v) => duration(v * 1e9)], cost_usd: ["Cost", usd], tokens: ["Tokens", count] };

class EvaluationPage {
  constructor(root, data) {
    this.root = root;
    this.data = data;
    this.path = "/api/evaluations/" + encodeURIComponent(data.run);
    this.say = element("div", "against");
    this.charts = element("section");
    this.groups = element("section");
    this.failures = element("section");
    this.samples = element("div");
    const pair = element("div", "pair-of");
    pair.append(this.groups, this.failures);
    root.replaceChildren(this.say, this.charts, pair, this.samples);
  }

  async open() {
    this.say.replaceChildren(element("div", "skeleton"));
    try {
      this.head = await ask(this.path + "/figures");
    } catch (error) {
      this.say.replaceChildren(errorNode(error));
      return;
    }
    this.say.replaceChildren();
    this.list = new Samples(this.data, this.head, () => this.marks());
    this.samples.replaceChildren(this.list.node);
    this.drawCharts();
    this.drawFailures();
    this.drawGroups();
  }

  marks() { this.drawCharts(); this.drawFailures(); }

  drawCharts() {
    const where = asked().get("where") || "";
    const names = Object.keys(this.head.distributions).filter((name) => this.head.distributions[name].bars.length);
    const row = element("div", "charts");
    for (const name of names) row.append(this.chart(name, this.head.distributions[name], where));
    this.charts.replaceChildren(...(names.length ? [element("h2", "", "Distributions"), row] : []));
  }

  chart(name, spread, where) {
    const [title, write] = UNITS[name] || [name, (value) => number(value)];
    const bars = spread.bars.map((bar) => bar.map(plainNumber)), most = Math.max(...bars.map((bar) => bar[2]), 1);
    const discrete = bars.every(([low, high]) => low === high);
    const box = element("figure", "chart"), caption = element("figcaption");
    caption.append(element("span", "name", title));
    if (plainNumber(spread.missing)) {
      const known = UNITS[name] ? null : fieldName(name) + " is missing";
      const gap = known ? button(count(spread.missing) + " missing", "Only those without a score", () => this.list.toggle(known), "quiet") : element("span", "soft", count(spread.missing) + " missing");
      if (known && where.includes(known)) gap.classList.add("on");
      caption.append(gap);
    }
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${CHART_WIDE} ${CHART_HIGH}`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("role", "group");
    svg.setAttribute("aria-label", "Distribution of " + title);
    const step = CHART_WIDE / bars.length, gap = discrete ? step * 0.15 : Math.min(2, step * 0.1);
    bars.forEach(([low, high, n], at) => {
      const field = UNITS[name] ? name : fieldName(name), last = at === bars.length - 1;
      const condition = discrete ? `${field} == ${low}` : `${field} >= ${low} and ${field} ${last ? "<=" : "<"} ${high}`;
      const link = document.createElementNS(SVG, "a"), hover = document.createElementNS(SVG, "title");
      link.setAttribute("href", addressWith({ where: condition, first: "", sample: "" }));
      link.setAttribute("class", where.includes(condition) ? "on" : "");
      link.onclick = (event) => { event.preventDefault(); this.list.toggle(condition); };
      hover.textContent = (discrete ? write(low) : write(low) + " to " + write(high)) + ": " + count(n) + (n === 1 ? " sample" : " samples");
      link.append(hover);
      const high_ = n ? Math.max(1.5, (n / most) * (CHART_HIGH - 2)) : 0;
      for (const [className, y, height] of [["under", 0, CHART_HIGH], ["whole", CHART_HIGH - high_, high_]]) {
        const rect = document.createElementNS(SVG, "rect");
        for (const [key, value] of Object.entries({ x: at * step + gap / 2, width: Math.max(0.5, step - gap), y, height, class: className })) rect.setAttribute(key, value);
        link.append(rect);
      }
      svg.append(link);
    });
    const feet = element("div", "feet");
    if (discrete) {
      feet.classList.add("each");
      feet.append(...bars.map(([low, , n]) => { const one = element("span", "", write(low)); one.append(element("b", "", " " + count(n))); return one; }));
    } else feet.append(element("span", "", write(bars[0][0])), element("span", "soft", "most: " + count(most)), element("span", "", write(bars[bars.length - 1][1])));
    box.append(caption, svg, feet);
    return box;
  }

  drawFailures() {
    const rows = this.head.failures;
    if (!rows.length) { this.failures.replaceChildren(); return; }
    const table = element("table", "list");
    table.style.minWidth = "0";
    for (const row of rows) {
      const line = table.insertRow(), what = line.insertCell(), n = line.insertCell();
      n.className = "r score";
      n.textContent = count(row.count);
      what.className = "bad";
      if (row.scorer) what.textContent = "▲ " + row.kind + " in the scorer " + row.scorer;
      else {
        const condition = (row.kind === "timeout" ? "status == " : "error == ") + quotedText(row.kind);
        const open = button("▲ " + row.kind, "Only these samples", () => this.list.toggle(condition), "quiet");
        what.append(open);
        if ((asked().get("where") || "").includes(condition)) line.className = "at";
      }
    }
    this.failures.replaceChildren(element("h2", "", "Failures by kind"), table);
  }

  async drawGroups() {
    const ways = [["tags", "tag", this.head.tags], ["cluster", "cluster", this.head.clusters]].filter(([, , n]) => plainNumber(n) > 0);
    const metrics = this.head.metrics;
    if (!ways.length || !metrics.length) { this.groups.replaceChildren(); return; }
    const by = ways.find(([way]) => way === asked().get("by")) || ways[0];
    const metric = metrics.includes(asked().get("metric")) ? asked().get("metric") : metrics[0];
    const title = element("div", "topbar");
    title.append(element("h2", "", "By " + by[1]));
    const pick = (name, options, value, label) => {
      const node = chooser(options, value);
      node.setAttribute("aria-label", label);
      node.onchange = () => { remember({ [name]: node.value }); this.drawGroups(); };
      return node;
    };
    if (metrics.length > 1) title.append(pick("metric", metrics.map((name) => [name, name]), metric, "Metric of the breakdown"));
    if (ways.length > 1) title.append(pick("by", ways.map(([way, word]) => [way, "by " + word]), by[0], "Breakdown by"));
    try {
      const rows = await ask(this.path + "/breakdown?" + new URLSearchParams({ metric, by: by[0] }));
      this.groups.replaceChildren(title, this.groupTable(rows, by[1]));
    } catch (error) { this.groups.replaceChildren(title, errorNode(error)); }
  }

  groupTable(rows, word) {
    rows.sort((a, b) => (a.value === null) - (b.value === null) || plainNumber(a.value) - plainNumber(b.value));
    const known = rows.flatMap((row) => [row.value, row.low, row.high]).filter((value) => value !== null).map(plainNumber);
    const domain = [Math.min(0, ...known), Math.max(1, ...known)];
    const table = element("table", "list");
    table.style.minWidth = "0";
    const draw = (shown) => {
      table.replaceChildren();
      for (const row of shown) {
        const line = table.insertRow(), name = line.insertCell(), drawn = line.insertCell(), value = line.insertCell(), n = line.insertCell();
        name.append(button(row.group || "none", "Only these samples", () => this.list.toggle(word + " == " + quotedText(row.group)), "quiet"));
        if (row.value !== null) drawn.append(whisker([row.value, row.low, row.high].map(plainNumber), domain));
        value.className = "r";
        value.textContent = interval(row);
        value.title = row.reason || row.method;
        n.className = "r time";
        n.textContent = "n=" + count(row.n);
      }
    };
    draw(rows.slice(0, GROUPS_SHOWN));
    const box = element("div");
    box.append(table);
    if (rows.length > GROUPS_SHOWN) box.append(button("Show all " + rows.length, "", (event) => { draw(rows); event.target.remove(); }, "more"));
    return box;
  }

  listen() {
    const key = (event) => {
      if (!this.list || typing(event)) return;
      if (this.list.press(event)) { event.preventDefault(); event.stopPropagation(); }
    };
    const back = () => {
      if (!this.list || asked().get("id") !== this.data.run) return;
      this.marks();
      this.list.follow();
    };
    document.addEventListener("keydown", key, true);
    window.addEventListener("popstate", back);
    return () => {
      document.removeEventListener("keydown", key, true);
      window.removeEventListener("popstate", back);
    };
  }
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root");
  const key = JSON.stringify(data);
  if (!root.weft || root.weft.key !== key) {
    const page = new EvaluationPage(root, data);
    root.weft = { key, page };
    page.open();
  }
  return root.weft.page.listen();
}
