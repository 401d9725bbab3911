// A dense table. Every text goes in through textContent, so nothing that a span says becomes markup.

function fill(cell, value, column) {
  const spec = value !== null && typeof value === "object" ? value : { t: value };
  const text = textOf(spec);
  cell.title = spec.h || (text === MISSING ? "not recorded" : text);
  if (spec.i) { cell.appendChild(whisker(spec.i, column.domain || [0, 1])); return; }
  if (spec.c) {
    const swatch = element("span", "swatch");
    swatch.style.background = spec.c;
    cell.appendChild(swatch);
  }
  if (spec.s) {
    cell.appendChild(statusNode(spec.s === "unset" ? "ok" : spec.s, text));
  } else if (spec.a) {
    const link = element("a", "", text);
    link.href = spec.a;
    cell.appendChild(link);
  } else {
    cell.appendChild(document.createTextNode(text));
  }
}

function lines(data, order) {
  const columns = data.columns.map((column, index) => [column, index]);
  const head = columns.flatMap(([column]) => (column.domain ? ["value", "low", "high"] : [column.label]));
  const body = order.map(([row]) => columns.flatMap(([column, index]) => {
    const cell = row.cells[index];
    const spec = cell !== null && typeof cell === "object" ? cell : { t: cell };
    return column.domain ? spec.i || [null, null, null] : [spec.v !== undefined ? spec.v : spec.t];
  }));
  return [head, ...body];
}

function textOf(value) {
  const spec = value !== null && typeof value === "object" ? value : { t: value };
  return spec.t === null || spec.t === undefined ? MISSING : String(spec.t);
}

function sortKey(value) {
  const spec = value !== null && typeof value === "object" ? value : { t: value };
  return spec.v !== undefined ? spec.v : spec.t;
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".root");
  const state = root.weft || (root.weft = { sort: null, down: false, at: -1 });
  state.chosen = new Set(data.chosen || []);
  let rows = [];

  function render() {
    const order = data.rows.map((row, index) => [row, index]);
    if (state.sort !== null) {
      const sign = state.down ? -1 : 1;
      order.sort(([a, i], [b, j]) => {
        const x = sortKey(a.cells[state.sort]), y = sortKey(b.cells[state.sort]);
        const none = (value) => value === null || value === undefined;
        if (none(x) || none(y)) return none(x) - none(y) || i - j;
        return (x < y ? -sign : x > y ? sign : i - j);
      });
    }
    const table = element("table");
    const narrow = window.matchMedia("(max-width: 1000px)").matches;
    const widths = data.columns.map((column, index) => widthOf(column, index));
    table.style.minWidth = widths.reduce((sum, width, index) => sum + (narrow && data.columns[index].low ? 0 : width || 130), data.choose ? 30 : 0) + "px";
    const head = table.createTHead().insertRow();
    if (data.choose) head.appendChild(element("th", "check"));
    data.columns.forEach((column, index) => {
      const th = element("th", (column.align || "") + (column.low ? " low" : ""));
      if (column.width) th.style.width = widths[index] ? widths[index] + "px" : column.width;
      const button = element("button", "", column.label);
      if (state.sort === index) button.appendChild(element("span", "", state.down ? " ↓" : " ↑"));
      button.title = "Sort by " + column.label;
      button.onclick = () => {
        state.down = state.sort === index ? !state.down : Boolean(column.align);
        state.sort = index;
        render();
      };
      th.appendChild(button);
      head.appendChild(th);
    });
    const body = table.createTBody();
    rows = order.map(([row]) => {
      const tr = body.insertRow();
      tr.weftHref = row.href;
      if (row.href) tr.className = "link";
      if (row.current) tr.classList.add("current");
      if (data.choose) {
        const td = tr.insertCell();
        td.className = "check";
        const box = element("input");
        box.type = "checkbox";
        box.checked = state.chosen.has(row.id);
        box.setAttribute("aria-label", "choose");
        box.onclick = (event) => {
          event.stopPropagation();
          box.checked ? state.chosen.add(row.id) : state.chosen.delete(row.id);
          setStateValue("chosen", [...state.chosen]);
        };
        td.onclick = (event) => { event.stopPropagation(); };
        td.appendChild(box);
      }
      data.columns.forEach((column, index) => {
        const td = tr.insertCell();
        td.className = (column.align || "") + (column.mono ? " mono" : "") + (column.low ? " low" : "") +
          (column.domain ? " drawn" : "");
        if (!column.align) td.dir = "auto";  // what is written from right to left is cut at its end
        fill(td, row.cells[index], column);
      });
      tr.onclick = (event) => {
        const link = event.target.closest("a");
        follow(event, link ? link.getAttribute("href") : row.href);
      };
      return tr;
    });
    root.replaceChildren(table, ...(data.csv ? [csvLink(data.csv, () => lines(data, order))] : []));
    mark();
  }

  // In px, 0 for a share of the width; figures and what is to be read whole have the room that they take.
  function widthOf(column, index) {
    if (!column.width.endsWith("px")) return 0;
    const least = parseInt(column.width, 10), whole = column.align || column.whole;
    return whole && !column.domain ? roomFor(root, [column.label, ...data.rows.map((row) => textOf(row.cells[index]))], least, 280) : least;
  }

  function mark() {
    rows.forEach((row, index) => row.classList.toggle("at", index === state.at));
    if (state.at >= 0 && rows[state.at]) rows[state.at].scrollIntoView({ block: "nearest" });
  }

  function key(event) {
    if (typing(event)) return;
    if (event.key === "j") state.at = Math.min(rows.length - 1, state.at + 1);
    else if (event.key === "k") state.at = Math.max(0, state.at - 1);
    else if (event.key === "Enter" && rows[state.at] && rows[state.at].weftHref) follow(event, rows[state.at].weftHref);
    else return;
    mark();
  }

  render();
  if (!data.keys) return;
  document.addEventListener("keydown", key);
  return () => document.removeEventListener("keydown", key);
}
