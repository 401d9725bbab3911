// The span tree with its waterfall. Only the rows in sight are in the page, so 30,000 spans stay quick.
const HEIGHT = 28;
const MARKS = { error: "▲", running: "◐", interrupted: "◇" };

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root");
  const state = root.weft || (root.weft = { closed: new Set(), scroll: null });
  const total = Math.max(1, data.total);
  const all = data.rows.map(([id, depth, name, kind, status, start, length, duration, children]) =>
    ({ id, depth, name, kind, status, start, length, duration, children }));
  const address = (row) => data.href + "&span=" + encodeURIComponent(row.id);
  let shown = [];

  const scroll = element("div", "scroll");
  const canvas = element("div", "canvas");
  scroll.appendChild(canvas);
  scroll.style.maxHeight = data.height + "px";
  root.replaceChildren(scroll);

  function list() {
    shown = [];
    let skip = Infinity;
    for (const row of all) {
      if (row.depth > skip) continue;
      skip = state.closed.has(row.id) ? row.depth : Infinity;
      shown.push(row);
    }
    canvas.style.height = shown.length * HEIGHT + "px";
  }

  function line(row, index) {
    const node = element("a", "row" + (row.id === data.selected ? " selected" : "") +
      (row.status === "error" ? " failed" : ""));
    node.href = address(row);
    node.style.top = index * HEIGHT + "px";
    node.title = row.name + "  " + row.duration;
    const name = element("span", "name");
    name.style.paddingLeft = 4 + Math.min(row.depth, 24) * 14 + "px";
    const toggle = element("span", "toggle", row.children ? (state.closed.has(row.id) ? "▸" : "▾") : "");
    toggle.onclick = (event) => {
      if (!row.children) return;
      event.preventDefault();
      event.stopPropagation();
      state.closed.has(row.id) ? state.closed.delete(row.id) : state.closed.add(row.id);
      list();
      paint();
    };
    name.append(toggle, element("span", "kind " + row.kind, row.kind));
    if (MARKS[row.status]) name.append(element("span", "mark " + row.status, MARKS[row.status]));
    name.append(element("span", "label", row.name));
    const fall = element("span", "fall");
    const bar = element("span", "bar " + row.kind);
    bar.style.left = (100 * row.start) / total + "%";
    bar.style.width = "max(2px, " + (100 * row.length) / total + "%)";
    fall.append(bar);
    node.append(name, element("span", "time", row.duration), fall);
    node.onclick = (event) => follow(event, address(row));
    return node;
  }

  function paint() {
    state.scroll = scroll.scrollTop;
    const first = Math.max(0, Math.floor(scroll.scrollTop / HEIGHT) - 10);
    const last = Math.min(shown.length, first + Math.ceil(data.height / HEIGHT) + 20);
    canvas.replaceChildren(...shown.slice(first, last).map((row, offset) => line(row, first + offset)));
  }

  function move(event) {
    if (typing(event)) return;
    const step = { j: 1, k: -1 }[event.key];
    if (!step) return;
    const at = shown.findIndex((row) => row.id === data.selected);
    const next = shown[at + step];
    if (next) visit(address(next));
  }

  list();
  if (state.scroll === null) {
    const at = shown.findIndex((row) => row.id === data.selected);
    state.scroll = Math.max(0, at * HEIGHT - data.height / 2);
  }
  scroll.scrollTop = state.scroll;
  paint();
  scroll.addEventListener("scroll", paint, { passive: true });
  document.addEventListener("keydown", move);
  return () => document.removeEventListener("keydown", move);
}
