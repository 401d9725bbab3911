// Settings and results of some runs side by side, those that differ first.
class Configs {
  constructor(host, page) {
    this.host = host;
    this.page = page;
    this.node = element("div", "configs");
    host.append(this.node);
  }

  async show(runs) {
    const chosen = runs.slice(0, MOST_COMPARED), ids = chosen.map((run) => run.run_id);
    if (this.key === ids.join()) return;
    this.key = ids.join();
    if (!chosen.length) { this.node.replaceChildren(element("div", "soft", "Tick the runs to compare.")); return; }
    try {
      const full = await Promise.all(ids.map((id) => ask("/api/runs/" + encodeURIComponent(id))));
      if (this.key === ids.join()) this.draw(full, runs.length);
    } catch (error) { this.node.replaceChildren(errorNode(error)); }
  }

  draw(runs, all) {
    const flats = runs.map((run) => new Map([...flatten(run.config, "config"), ...flatten(run.summary, "summary"), ...flatten(run.git || {}, "git"), ["tags", (run.tags || []).join(", ")], ["status", run.status]]));
    const names = [...new Set(flats.flatMap((flat) => [...flat.keys()]))];
    const differ = (name) => new Set(flats.map((flat) => plainText(flat.get(name)))).size > 1;
    const rank = (name) => ["config", "summary"].indexOf(name.split(".")[0]) + 1 || 3;
    const rare = (name) => flats.filter((flat) => flat.has(name)).length * 2 < runs.length;  // what one run has alone comes behind what they share
    const rows = names.map((name) => [name, differ(name)]).sort((a, b) => b[1] - a[1] || rare(a[0]) - rare(b[0]) || rank(a[0]) - rank(b[0]));
    const table = element("table", "side"), head = table.createTHead().insertRow();
    head.append(element("th", "", ""));
    for (const run of runs) {
      const cell = element("th"), link = element("a", "", run.name);
      link.href = "/run?" + new URLSearchParams({ id: run.run_id });
      link.onclick = (event) => follow(event, link.getAttribute("href"));
      cell.append(swatch(colourOf(run.run_id, this.page.data.palette)), " ", link);
      cell.title = run.run_id;
      head.append(cell);
    }
    const body = table.createTBody();
    let folded = null;
    for (const [name, differs] of rows) {
      if (!differs && folded === null && runs.length > 1) {
        folded = table.createTBody();
        folded.hidden = true;
      }
      const row = (folded ?? body).insertRow();
      row.className = differs && runs.length > 1 ? "differs" : "";
      row.append(element("th", "", name));
      const figures = flats.map((flat) => numeric(flat.get(name)));
      flats.forEach((flat, at) => {
        const cell = row.insertCell(), value = flat.get(name);
        cell.textContent = figures[at] !== null && typeof value !== "boolean" ? plainFigure(figures[at]) : plainText(value);
        cell.title = plainText(value);
      });
    }
    const bar = element("div", "buttons"), same = rows.filter(([, differs]) => !differs).length;
    if (runs.length > 1 && same) {
      const more = button(`Show ${same} that are the same`, "", () => { folded.hidden = !folded.hidden; more.textContent = (folded.hidden ? "Show " : "Hide ") + same + " that are the same"; }, "quiet");
      bar.append(more);
    }
    bar.append(button("CSV", "", () => save("weft-side-by-side.csv", csvOf([["", ...runs.map((run) => run.name)], ...rows.map(([name]) => [name, ...flats.map((flat) => plainText(flat.get(name)))])])), "quiet"));
    if (all > runs.length) bar.append(element("span", "soft", `The first ${runs.length} of ${all}: tick those to compare.`));
    const scroll = element("div", "scroll-x");
    scroll.append(table);
    this.node.replaceChildren(bar, scroll);
  }
}

// Five digits; small ones in powers of ten, all of them alike.
function plainFigure(figure) {
  const short = Number(figure.toPrecision(5));
  return short && Math.abs(short) < 1e-4 ? short.toExponential() : String(short);
}

// Media, tables and histograms stand in the summary as what they are and where their bytes lie: the panels show them.
function isLogged(value) {
  return "_weft" in value || (typeof value.kind === "string" && "counts" in value) || (Array.isArray(value.items) && value.items.length > 0 && value.items.every((item) => item && typeof item === "object" && isLogged(item)));
}

function flatten(value, prefix) {
  return Object.entries(value || {}).filter(([, one]) => !(one !== null && typeof one === "object" && isLogged(one))).flatMap(([name, one]) => (one !== null && typeof one === "object" && !Array.isArray(one) && !(one instanceof Exact) && Object.keys(one).length
    ? flatten(one, prefix + "." + name) : [[prefix + "." + name, one]]));
}
