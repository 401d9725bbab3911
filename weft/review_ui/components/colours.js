// The colour of a run follows from its id alone, the same on every page and in every selection (style.py draws it alike);
// runs on one chart that share a colour differ by dash.
function colourAt(runId) {
  let hash = 0x811c9dc5;
  for (const character of runId) hash = Math.imul(hash ^ character.codePointAt(0), 0x01000193) >>> 0;
  return (hash ^ (hash >>> 16)) >>> 0;
}

const colourOf = (runId, palette) => palette[colourAt(runId) % palette.length];

// A dash for each of some runs: the first of a colour is solid.
function dashesOf(runIds, palette) {
  const taken = new Map(), dashes = new Map();
  for (const runId of runIds) {
    const colour = colourOf(runId, palette), turn = taken.get(colour) ?? 0;
    dashes.set(runId, turn % 4);
    taken.set(colour, turn + 1);
  }
  return dashes;
}

const INKS = new Map();

// What canvases are drawn with, as the page's theme says.
function inkOf(node) {
  const style = window.getComputedStyle(node), of = (name) => style.getPropertyValue(name).trim();
  const ink = of("--st-text-color") || "#000", paper = of("--st-background-color") || "#fff", font = of("--st-font") || "sans-serif", known = [ink, paper, font].join();
  if (!INKS.has(known)) INKS.set(known, { ink, paper, soft: mixed(ink, paper, 0.64), grid: mixed(ink, paper, 0.1), wash: mixed(ink, paper, 0.12, 0.5), font });
  return INKS.get(known);
}

function mixed(one, other, share, alpha = 1) {
  const parts = (colour) => {
    const pen = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
    pen.fillStyle = colour;
    const text = pen.fillStyle;
    return [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
  };
  const [a, b] = [parts(one), parts(other)];
  return `rgb(${a.map((part, at) => Math.round(part * share + b[at] * (1 - share))).join(" ")} / ${alpha})`;
}
