// What belongs to the whole page: the list of its keys, ids that a click copies, links inside of text, and a cursor that
// all charts share.
const EVERYWHERE = { "?": "this list", "/": "search", esc: "close, or go back up" };

function keysDialog(pairs) {
  const dialog = element("dialog");
  dialog.setAttribute("aria-label", "Keys of this page");
  dialog.append(element("h2", "", "Keys"));
  const list = element("dl");
  for (const [key, meaning] of Object.entries({ ...pairs, ...EVERYWHERE })) {
    list.append(element("dt", "", key), element("dd", "", meaning));
  }
  dialog.append(list);
  dialog.onclick = () => dialog.close();
  return dialog;
}

function copied(node) {
  navigator.clipboard.writeText(node.textContent).then(() => {
    node.classList.add("w-copied");
    window.setTimeout(() => node.classList.remove("w-copied"), 1200);
  });
}

// Plotly keeps an axis' offset and scale on the element of the chart; a place under the pointer becomes a step.
function axis(chart) {
  return chart._fullLayout && chart._fullLayout.xaxis;
}

function nearest(steps, wanted) {
  let low = 0, high = steps.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    steps[middle] < wanted ? (low = middle) : (high = middle);
  }
  return Math.abs(steps[low] - wanted) <= Math.abs(steps[high] - wanted) ? low : high;
}

function cursor(chart, step) {
  let line = chart.querySelector(":scope > .w-cursor");
  const x = axis(chart);
  const inside = step !== null && x && x.l2p(step) >= 0 && x.l2p(step) <= x._length;
  if (!inside) { if (line) line.remove(); return; }
  if (!line) { line = element("div", "w-cursor"); chart.appendChild(line); }
  const lines = chart._fullData.filter((part) => part.visible === true && part.hoverinfo !== "skip" && part.x.length);
  const values = lines.slice(0, 6).map((part) => {
    const value = part.y[nearest(part.x, step)];
    const shown = element("span", "", typeof value === "number" ? Number(value.toPrecision(3)).toString() : "–");
    shown.style.color = part.line.color;
    return shown;
  });
  line.style.left = x._offset + x.l2p(step) + "px";
  line.style.top = chart._fullLayout.yaxis._offset + "px";
  line.style.height = chart._fullLayout.yaxis._length + "px";
  line.classList.toggle("w-left", x.l2p(step) > x._length * 0.8);
  line.replaceChildren(...values);
}

function share(event) {
  const charts = [...document.querySelectorAll(".js-plotly-plot")].filter((chart) => chart.offsetParent);
  if (charts.length < 2) return;
  const under = event.target.closest && event.target.closest(".js-plotly-plot");
  const x = under && axis(under);
  const step = x ? x.p2l(event.clientX - under.getBoundingClientRect().left - x._offset) : null;
  charts.forEach((chart) => cursor(chart, chart === under ? null : step));
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root");
  const dialog = keysDialog(data.keys);
  const hint = element("button", "hint");
  hint.append(element("kbd", "", "?"), " Keys");
  hint.onclick = () => dialog.showModal();
  root.replaceChildren(hint, dialog);

  function key(event) {
    if (event.key === "Escape" && /^(INPUT|TEXTAREA)$/.test(event.composedPath()[0].tagName || "")) {
      event.composedPath()[0].blur();
      return;
    }
    if (typing(event)) return;
    if (event.key === "?") dialog.open ? dialog.close() : dialog.showModal();
    else if (event.key === "/") {
      const search = document.querySelector('[data-testid="stMainBlockContainer"] input[type="text"]');
      if (search) search.focus();
    } else if (event.key === "Escape" && data.back && !dialog.open &&
        !document.querySelector('[role="listbox"], [role="dialog"]')) visit(data.back);
    else return;
    event.preventDefault();
  }

  function click(event) {
    const origin = event.composedPath()[0];
    const id = origin.closest && origin.closest("button.w-id");
    const link = origin.closest && origin.closest('[data-testid="stHtml"] a[href^="/"]:not(.w-leave)');
    if (id) copied(id);
    else if (link) follow(event, link.getAttribute("href"));
  }

  document.addEventListener("keydown", key);
  document.addEventListener("click", click);
  document.addEventListener("mousemove", share, { passive: true });
  return () => {
    document.removeEventListener("keydown", key);
    document.removeEventListener("click", click);
    document.removeEventListener("mousemove", share);
  };
}
