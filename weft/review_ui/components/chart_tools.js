// The tools above the charts: which metrics, over what, how smooth, on which axes.
class ChartTools {
  constructor(host, board) {
    this.board = board;
    this.node = element("div", "topbar chart-tools");
    this.search = input("", "Find metrics");
    this.search.type = "search";
    this.search.className = "words";
    this.search.setAttribute("aria-label", "Find metrics");
    this.search.oninput = () => { window.clearTimeout(this.typed); this.typed = window.setTimeout(() => board.set({ m: this.search.value.trim() }, false), 250); };
    this.axis = chooser([["", "x: as logged"], ["step", "x: step"], ["relative", "x: time since start"], ["time", "x: time of day"], ["?", "x: a metric…"]], "");
    this.axis.setAttribute("aria-label", "x axis");
    this.axis.onchange = () => {
      if (this.axis.value !== "?") { board.set({ x: this.axis.value, zoom: "" }); return; }
      this.metric.hidden = false;
      this.metric.focus();
    };
    this.metric = input("", "metric on the x axis");
    this.metric.setAttribute("aria-label", "Metric on the x axis");
    this.metric.onchange = () => { if (this.metric.value.trim()) board.set({ x: this.metric.value.trim(), zoom: "" }); };
    this.smooth = input("0", "", "range");
    Object.assign(this.smooth, { min: "0", max: "0.99", step: "0.01" });
    this.smooth.setAttribute("aria-label", "Smoothing: exponential moving average, debiased");
    this.smooth.oninput = () => board.set({ smooth: this.smooth.value }, false);
    this.said = element("output", "soft");
    const slide = element("label", "slide");
    slide.append("Smooth ", this.smooth, this.said);
    this.flags = [["lx", "log x", "1"], ["ly", "log y", "1"], ["env", "envelope", "0"]].map(([name, text, value]) => {
      const node = button(text, "", () => board.set({ [name]: board.get(name) === value ? (name === "env" ? "1" : "") : value, ...(name === "lx" ? { zoom: "" } : {}) }), "segment");
      node.weftOn = () => (name === "env" ? board.get(name) !== "0" : board.get(name) === value);
      return node;
    });
    const flags = element("span", "segments");
    flags.append(...this.flags);
    this.band = chooser(Object.entries(BANDS).map(([value, text]) => [value, "band: " + text]), "ci");
    this.band.setAttribute("aria-label", "Band around the mean of a group");
    this.band.onchange = () => board.set({ band: this.band.value });
    this.back = button("Zoom out", "Double click on a chart, or 0", () => board.set({ zoom: "" }));
    this.hidden = button("", "Metrics that were hidden", () => board.set({ hide: "" }), "quiet");
    this.node.append(this.search, this.axis, this.metric, slide, flags, this.band, this.back, this.hidden);
    host.append(this.node);
    this.follow();
  }

  follow() {
    const { board } = this, x = board.get("x"), plain = ["", "step", "relative", "time"].includes(x);
    if (this.search !== this.search.getRootNode().activeElement) this.search.value = board.get("m");
    this.axis.value = plain ? x : "?";
    this.metric.hidden = plain;
    if (!plain) this.metric.value = x;
    this.smooth.value = board.get("smooth");
    this.said.textContent = Number(board.get("smooth")) ? Number(board.get("smooth")).toFixed(2) : "off";
    for (const node of this.flags) node.setAttribute("aria-pressed", String(node.weftOn()));
    this.band.hidden = !board.get("group");
    this.band.value = board.get("band");
    this.back.hidden = !board.get("zoom");
    const hidden = board.list("hide").length;
    this.hidden.hidden = !hidden;
    this.hidden.textContent = "Show " + hidden + " hidden";
  }
}
