// Metrics of evaluations over time: a dot a result with its interval, which leads to the result.
const SVG = "http://www.w3.org/2000/svg";
const TALL = 110;

function svgNode(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  return node;
}

function timeline(line) {
  const box = element("figure", "chart"), dots = line.dots;
  const known = dots.flatMap((dot) => [dot.value, dot.low, dot.high]).filter((value) => value !== null);
  let low = Math.min(...known), high = Math.max(...known);
  const spare = (high - low) * 0.08 || Math.abs(high) * 0.1 || 0.1;
  low = low >= 0 ? Math.max(0, low - spare) : low - spare;
  high = high <= 1 ? Math.min(1, high + spare) : high + spare;
  const from = dots[0].time_ns, to = dots[dots.length - 1].time_ns;
  const x = (dot, at) => 9 + 89 * (dots.length === 1 ? 0.5 : to === from ? at / (dots.length - 1) : (dot.time_ns - from) / (to - from));
  const y = (value) => TALL - 8 - (TALL - 16) * ((value - low) / ((high - low) || 1));
  const caption = element("figcaption");
  caption.append(element("span", "name", line.title), element("span", "", number(dots[dots.length - 1].value)));
  const svg = svgNode("svg", { role: "group", "aria-label": line.title + " over time" });
  for (const value of [low, high]) {
    const rule = svgNode("line", { x1: "0%", x2: "100%", y1: y(value), y2: y(value), class: "rule" });
    const label = svgNode("text", { x: 2, y: value === high ? y(value) + 12 : y(value) - 3, class: "tick" });
    label.textContent = number(value);
    svg.append(rule, label);
  }
  dots.slice(1).forEach((dot, at) => {
    svg.append(svgNode("line", { x1: x(dots[at], at) + "%", y1: y(dots[at].value), x2: x(dot, at + 1) + "%", y2: y(dot.value), class: "join" }));
  });
  dots.forEach((dot, at) => {
    const link = svgNode("a", { href: dot.href, class: dot.tone }), title = svgNode("title", {}), across = x(dot, at) + "%";
    title.textContent = dot.text;
    link.setAttribute("aria-label", dot.text);
    link.append(title);
    if (dot.low !== null && dot.high !== null) link.append(svgNode("line", { x1: across, x2: across, y1: y(dot.low), y2: y(dot.high), class: "span" }));
    link.append(svgNode("circle", { cx: across, cy: y(dot.value), r: 9, class: "reach" }));
    link.append(dot.tone === "bad" ? svgNode("rect", { x: across, y: y(dot.value) - 4, width: 8, height: 8, class: "dot", transform: "translate(-4 0)" })
      : svgNode("circle", { cx: across, cy: y(dot.value), r: 4, class: "dot" }));
    link.onclick = (event) => follow(event, dot.href);
    svg.append(link);
  });
  const day = (ns) => moment(ns).slice(0, 10);
  const feet = element("div", "feet");
  const days = [day(from), day(to)], many = element("span", "", dots.length + (dots.length === 1 ? " result" : " results"));
  feet.append(element("span", "", days[0]), many, element("span", "", days[0] === days[1] ? "" : days[1]));
  box.append(caption, svg, feet);
  return box;
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root");
  const row = element("div", "lines");
  row.append(...data.lines.filter((line) => line.dots.length).map(timeline));
  root.replaceChildren(row);
}
