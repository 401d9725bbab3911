// What the parts of the page of one run share: how it stands, tables of facts, empty states, files that were kept.
const RUN_AGAIN_MS = 2000;
const RUN_NEWS = "weft-run";  // the head tells the other parts what it read anew

const runPath = (id, rest = "") => "/api/runs/" + encodeURIComponent(id) + rest;
const runHref = (run) => (run.kind === "eval" ? "/evaluation?" : "/run?") + new URLSearchParams({ id: run.run_id });

function emptyNode(sentence, code) {
  const node = element("div", "nothing"), lines = element("pre", "mono", code);
  node.append(element("p", "soft", sentence));
  if (code) { lines.append(copyButton(code)); node.append(lines); }
  return node;
}

// Names and what stands behind them: texts or nodes; what is missing is left out.
function factsTable(pairs) {
  const table = element("table", "facts-table");
  for (const [name, value] of pairs) {
    if (value === null || value === undefined || value === "" || value === false) continue;
    const row = table.insertRow();
    row.append(element("th", "", name));
    row.insertCell().append(...[value].flat());
  }
  return table;
}

// The parts of a JSON value whose name or text contains `text`; undefined where none does.
function sieve(value, text) {
  if (value !== null && typeof value === "object" && !(value instanceof Exact)) {
    const found = Object.entries(value).map(([name, item]) => [name, name.toLowerCase().includes(text) ? item : sieve(item, text)]).filter(([, item]) => item !== undefined);
    if (!found.length) return undefined;
    return Object.fromEntries(found);
  }
  return String(value).toLowerCase().includes(text) ? value : undefined;
}

function isOver(run) { return run && run.status !== "running"; }

// Mounts a class whose objects have `root` and `stop()`, once for the same data; a redrawn page keeps it.
function mountOf(Part) {
  return ({ data, parentElement }) => {
    const root = parentElement.querySelector(".root"), key = JSON.stringify(data);
    if (!root.weft || root.weft.key !== key) {
      if (root.weft) root.weft.part.stop();
      root.replaceChildren();
      root.weft = { key, part: new Part(root, data) };
    }
    return () => window.setTimeout(() => { if (!root.isConnected && root.weft) { root.weft.part.stop(); root.weft = null; } }, 0);
  };
}

// Listens to keys and news until the part stops.
class Listening {
  constructor() { this.listens = []; }

  on(target, name, act) {
    target.addEventListener(name, act);
    this.listens.push(() => target.removeEventListener(name, act));
  }

  later(act, ms) {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(act, ms);
  }

  stop() {
    this.stopped = true;
    window.clearTimeout(this.timer);
    for (const end of this.listens) end();
  }
}
