// Small charts of bars side by side, one bar a period: its height, a part of it in another colour, a page behind it.
const SVG = "http://www.w3.org/2000/svg";
const WIDE = 320, HIGH = 84;

function shape(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  return node;
}

function chart(spec) {
  const box = element("figure", "chart");
  const caption = element("figcaption");
  caption.append(element("span", "name", spec.title), element("span", "top", spec.top || ""));
  const known = spec.bars.filter((bar) => bar.y !== null);
  const most = Math.max(...known.map((bar) => bar.y), 0) || 1;
  const svg = shape("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", role: "img",
    "aria-label": spec.title + ", " + spec.bars.map((bar) => bar.text).join("; ") });
  const step = WIDE / Math.max(1, spec.bars.length), gap = Math.min(3, step * 0.2);
  spec.bars.forEach((bar, at) => {
    const link = shape("a", {});
    link.setAttribute("href", bar.href || "#");
    link.onclick = (event) => follow(event, bar.href);
    const title = shape("title", {});
    title.textContent = bar.text;
    const place = { x: at * step + gap / 2, width: Math.max(0.5, step - gap) };
    const draw = (value, className) => {
      const height = value > 0 ? Math.max(1, (value / most) * (HIGH - 2)) : 0;
      link.append(shape("rect", { ...place, y: HIGH - height, height, class: className }));
    };
    link.append(title, shape("rect", { ...place, y: 0, height: HIGH, class: "under" }));
    if (bar.y !== null) draw(bar.y, "whole");
    if (bar.part) draw(bar.part, "part " + (spec.tone || ""));
    svg.append(link);
  });
  const feet = element("div", "feet");
  feet.append(element("span", "", spec.bars.length ? spec.bars[0].x : ""), element("span", "", spec.bars.length ? spec.bars[spec.bars.length - 1].x : ""));
  box.append(caption, svg, feet);
  return box;
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root");
  const row = element("div", "charts");
  row.append(...data.charts.map(chart));
  root.replaceChildren(row);
}
