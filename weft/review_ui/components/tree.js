// The span tree with its waterfall. Only the rows in sight are in the page, so 30,000 spans stay quick. Which span is
// chosen stands in the address; where it names none, the page marks one by data-chosen.
const HEIGHT = 28;
const VIEW = 640;
const MARKS = { error: "▲", running: "◐", interrupted: "◇" };

function unpack(data) {
  const columns = JSON.parse(new TextDecoder().decode(data));
  const word = ([texts, index], at) => texts[index[at]];
  return { total: Math.max(1, columns.total), rows: columns.depth.map((depth, at) => ({
    id: columns.ids.slice(16 * at, 16 * at + 16).trim(), depth, start: columns.start[at], length: columns.length[at],
    children: columns.children[at], name: word(columns.name, at), kind: word(columns.kind, at),
    status: word(columns.status, at), duration: word(columns.duration, at), note: word(columns.note, at) })) };
}

function chosen() {
  const marked = document.querySelector("[class*='w-chosen-']");
  return new URLSearchParams(window.location.search).get("span") ||
    (marked ? marked.className.match(/w-chosen-(\S+)/)[1] : null);
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root");
  const state = root.weft || (root.weft = { closed: new Set(), scroll: null });
  const { rows: all, total } = unpack(data);
  let selected = chosen();
  let shown = [];

  function address(row) {
    const parameters = new URLSearchParams(window.location.search);
    parameters.set("span", row.id);
    return window.location.pathname + "?" + parameters;
  }

  const scroll = element("div", "scroll");
  const canvas = element("div", "canvas");
  scroll.appendChild(canvas);
  scroll.style.maxHeight = VIEW + "px";
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

  function choose(event, row) {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button === 1) return;
    event.preventDefault();
    selected = row.id;
    paint();
    visit(address(row));
  }

  function line(row, index) {
    const node = element("a", "row" + (row.id === selected ? " selected" : "") +
      (row.status === "error" ? " failed" : ""));
    node.href = address(row);
    node.style.top = index * HEIGHT + "px";
    node.title = [row.name, row.duration, row.note].filter(Boolean).join("  ");
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
    node.append(name, element("span", "note", row.note), element("span", "time", row.duration), fall);
    node.onclick = (event) => choose(event, row);
    return node;
  }

  function paint() {
    state.scroll = scroll.scrollTop;
    const first = Math.max(0, Math.floor(scroll.scrollTop / HEIGHT) - 10);
    const last = Math.min(shown.length, first + Math.ceil(VIEW / HEIGHT) + 20);
    canvas.replaceChildren(...shown.slice(first, last).map((row, offset) => line(row, first + offset)));
  }

  function reveal(at) {
    if (at * HEIGHT < scroll.scrollTop) scroll.scrollTop = at * HEIGHT;
    if ((at + 1) * HEIGHT > scroll.scrollTop + VIEW) scroll.scrollTop = (at + 1) * HEIGHT - VIEW;
  }

  function move(event) {
    if (typing(event)) return;
    const at = shown.findIndex((row) => row.id === selected);
    const fold = { ArrowLeft: true, ArrowRight: false }[event.key];
    if (fold !== undefined && shown[at] && shown[at].children) {
      fold ? state.closed.add(selected) : state.closed.delete(selected);
      list();
      paint();
    }
    const step = { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
    const next = step && shown[at + step];
    if (!next) return;
    reveal(at + step);
    choose(event, next);
  }

  function back() {
    selected = chosen();
    paint();
  }

  list();
  if (state.scroll === null) {
    const at = shown.findIndex((row) => row.id === selected);
    state.scroll = Math.max(0, at * HEIGHT - VIEW / 2);
  }
  scroll.scrollTop = state.scroll;
  paint();
  scroll.addEventListener("scroll", paint, { passive: true });
  document.addEventListener("keydown", move);
  window.addEventListener("popstate", back);
  return () => {
    document.removeEventListener("keydown", move);
    window.removeEventListener("popstate", back);
  };
}
