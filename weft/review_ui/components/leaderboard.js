// The targets that were evaluated on one version of a dataset, best first. A click on a metric orders by it.
const STANDINGS = { best: ["★ best", "good"], "not distinguishable": ["≈ not distinguishable from the best", ""], worse: ["▼ worse", "bad"], "not tested": ["not tested", "soft"] };

class Leaderboard {
  constructor(root, data) {
    this.data = data;
    this.root = root;
  }

  get metric() { return asked().get("metric") || this.data.metric; }

  async open() {
    this.root.classList.add("busy");
    const { project, dataset } = this.data;
    try {
      this.draw(await ask("/api/leaderboards?" + new URLSearchParams({ project, dataset, metric: this.metric })));
    } catch (error) {
      this.root.replaceChildren(errorNode(error));
    } finally { this.root.classList.remove("busy"); }
  }

  draw(board) {
    const table = element("table", "list board"), head = table.createTHead().insertRow();
    const domains = new Map(board.metrics.map((name) => {
      const known = board.rows.flatMap((row) => { const one = row.aggregates[name]; return one ? [one.value, one.low, one.high] : []; })
        .filter((value) => value !== null && value !== undefined).map(plainNumber);
      return [name, [Math.min(0, ...known), Math.max(known.every((value) => value <= 1) ? 1 : 0, ...known)]];
    }));
    head.append(element("th", "few", ""), element("th", "wide", "Target"), element("th", "standing", "Against the best, by " + board.metric));
    for (const name of board.metrics) {
      const th = element("th", "figure"), node = element("button", "sort", name + (name === board.metric ? " ↓" : ""));
      node.title = "Order by " + name;
      node.onclick = () => { remember({ metric: name }); this.open(); };
      th.append(node);
      head.append(th);
    }
    const body = table.createTBody();
    board.rows.forEach((row, at) => {
      const line = body.insertRow(), href = "/evaluation?" + new URLSearchParams({ id: row.run_id });
      line.className = "link";
      line.onclick = (event) => { if (!event.target.closest("a")) follow(event, href); };
      line.insertCell().textContent = String(at + 1);
      const target = line.insertCell();
      target.className = "wide";
      target.append(linkTo(row.target || row.run_id, href), element("span", "soft", " " + row.evaluation));
      target.title = row.target + ", " + row.evaluation + ", " + moment(row.started_at_ns);
      const standing = line.insertCell(), [word, tone] = STANDINGS[row.standing], d = row.difference;
      standing.append(element("span", tone, word));
      if (d && d.value !== null) {
        standing.append(" ", linkTo(signed(d.value), "/compare?" + new URLSearchParams({ runs: board.rows[0].run_id + "," + row.run_id, metric: board.metric })));
        standing.title = signed(d.value) + ` [${signed(d.low)}, ${signed(d.high)}], ` + (row.test || d.method) + (row.adjusted_p === null ? "" : ", p (Holm) " + number(row.adjusted_p));
      } else standing.title = row.why || word;
      for (const name of board.metrics) {
        const cell = line.insertCell(), one = row.aggregates[name];
        cell.className = "figure";
        if (!one || one.value === null) { cell.textContent = MISSING; cell.title = (one && one.reason) || "not measured"; continue; }
        cell.append(element("span", "value", interval(one)), whisker([one.value, one.low, one.high].map((v) => (v === undefined ? null : plainNumber(v))), domains.get(name)));
        cell.title = interval(one) + " n=" + count(one.n);
      }
    });
    this.root.replaceChildren(table, csvLink("weft-leaderboard", () => [["run_id", "target", "evaluation", "standing", ...board.metrics],
      ...board.rows.map((row) => [row.run_id, row.target, row.evaluation, row.standing, ...board.metrics.map((name) => { const one = row.aggregates[name]; return one ? plainNumber(one.value) : null; })])]));
  }
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root");
  const key = JSON.stringify(data);
  if (!root.weft || root.weft.key !== key) {
    root.weft = { key, page: new Leaderboard(root, data) };
    root.weft.page.open();
  }
  const back = () => { if (asked().get("view") === "leaderboard") root.weft.page.open(); };
  window.addEventListener("popstate", back);
  return () => window.removeEventListener("popstate", back);
}
