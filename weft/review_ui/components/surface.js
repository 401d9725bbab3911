// What an objective is like over two parameters, from trials scattered over them: at each place the mean of the trials
// nearby (a Gaussian kernel: Nadaraya 1964, Watson 1964), never across the words of a category. How wide "nearby" is,
// leaving each trial out decides. Places outside of the trials' hull, or without a trial nearby, have no value.
const CELLS = [84, 60];
const WIDTHS_TRIED = [0.15, 0.1, 0.07, 0.045, 0.03];
const WORTH_IT = 0.98;  // a narrower one must miss less than this share of what a wider one misses
const NO_TRIAL_NEAR = 0.04;  // the sum of the kernel's weights below which there is none within two and a half widths

// `x`, `y`, `z`: shares in [0, 1]; `words`: how many words an axis has, or 0. Returns {wide, tall, cells (NaN: none), hull, width, quality}.
function surfaceOf(x, y, z, words) {
  const [wide, tall] = [0, 1].map((axis) => words[axis] || CELLS[axis]), n = z.length;
  const place = Int32Array.from(z, (_, at) => Math.min(wide - 1, Math.max(0, Math.floor(x[at] * wide))) + wide * Math.min(tall - 1, Math.max(0, Math.floor(y[at] * tall))));
  const sums = new Float64Array(wide * tall), masses = new Float64Array(wide * tall);
  for (let at = 0; at < n; at++) { sums[place[at]] += z[at]; masses[place[at]] += 1; }
  const mean = z.reduce((sum, one) => sum + one, 0) / n, spread = z.reduce((sum, one) => sum + (one - mean) ** 2, 0);
  let best = null;
  for (const width of words[0] && words[1] ? [0] : WIDTHS_TRIED) {
    const kernels = [wide, tall].map((cells, axis) => (words[axis] ? [1] : kernelOf(width * cells)));
    const [sum, mass] = [sums, masses].map((grid) => blurred(grid, wide, tall, kernels));
    let missed = 0;
    for (let at = 0; at < n; at++) {
      const rest = mass[place[at]] - 1, told = rest > 1e-3 ? (sum[place[at]] - z[at]) / rest : mean;
      missed += (z[at] - told) ** 2;
    }
    if (!best || missed < WORTH_IT * best.missed) best = { width, sum, mass, missed };
  }
  const cells = new Float64Array(wide * tall).fill(NaN), hull = words[0] || words[1] ? null : hullOf(x, y), inside = insideOf(x, y, words, wide, tall, hull);
  for (let at = 0; at < cells.length; at++) if (best.mass[at] > NO_TRIAL_NEAR && inside(at % wide, Math.floor(at / wide))) cells[at] = best.sum[at] / best.mass[at];
  return { wide, tall, cells, hull, width: best.width, quality: spread > 0 ? 1 - best.missed / spread : 0 };
}

// A Gaussian of this width in cells, 1 in its middle.
function kernelOf(width) {
  const reach = Math.max(1, Math.ceil(3 * width));
  return Array.from({ length: 2 * reach + 1 }, (_, at) => Math.exp(-(((at - reach) / width) ** 2) / 2));
}

function blurred(grid, wide, tall, [across, up]) {
  const pass = (from, kernel, step, length, lines, jump) => {
    const to = new Float64Array(from.length), reach = (kernel.length - 1) / 2;
    for (let line = 0; line < lines; line++) for (let at = 0; at < length; at++) {
      let sum = 0;
      for (let by = Math.max(-reach, -at); by <= Math.min(reach, length - 1 - at); by++) sum += kernel[by + reach] * from[line * jump + (at + by) * step];
      to[line * jump + at * step] = sum;
    }
    return to;
  };
  return pass(pass(grid, across, 1, wide, tall, wide), up, wide, tall, wide, 1);
}

// Whether a cell lies within what the trials enclose: their convex hull; of each word, from its least to its greatest.
function insideOf(x, y, words, wide, tall, hull) {
  if (words[0] && words[1]) return () => true;
  if (words[0] || words[1]) {
    const [word, along, cells, length] = words[0] ? [x, y, wide, tall] : [y, x, tall, wide], ends = Array.from({ length: cells }, () => [Infinity, -Infinity]);
    for (let at = 0; at < word.length; at++) {
      const end = ends[Math.min(cells - 1, Math.max(0, Math.floor(word[at] * cells)))];
      end[0] = Math.min(end[0], along[at]);
      end[1] = Math.max(end[1], along[at]);
    }
    return (column, row) => { const [one, other] = words[0] ? [column, row] : [row, column]; return (other + 1) / length >= ends[one][0] && other / length <= ends[one][1]; };
  }
  const room = 1 / Math.min(wide, tall);  // cells that the hull cuts are drawn in part
  return (column, row) => insideHull(hull, (column + 0.5) / wide, (row + 0.5) / tall, room);
}

// The convex hull, counterclockwise (Andrew 1979).
function hullOf(x, y) {
  const order = [...x.keys()].sort((a, b) => x[a] - x[b] || y[a] - y[b]), cross = (a, b, c) => (x[b] - x[a]) * (y[c] - y[a]) - (y[b] - y[a]) * (x[c] - x[a]);
  const half = (points) => {
    const kept = [];
    for (const point of points) {
      while (kept.length > 1 && cross(kept[kept.length - 2], kept[kept.length - 1], point) <= 0) kept.pop();
      kept.push(point);
    }
    return kept.slice(0, -1);
  };
  return [...half(order), ...half(order.reverse())].map((at) => [x[at], y[at]]);
}

function insideHull(hull, px, py, room) {
  if (hull.length < 3) return hull.some(([x, y]) => Math.hypot(x - px, y - py) < room * 2);
  return hull.every(([x, y], at) => {
    const [nx, ny] = hull[(at + 1) % hull.length], length = Math.hypot(nx - x, ny - y) || 1;
    return ((nx - x) * (py - y) - (ny - y) * (px - x)) / length >= -room;
  });
}

// Lines of a level through the middles of cells (marching squares): [x0, y0, x1, y1] in cells.
function contourOf({ wide, tall, cells }, level) {
  const lines = [];
  for (let row = 0; row + 1 < tall; row++) for (let column = 0; column + 1 < wide; column++) {
    const corners = [[column, row], [column + 1, row], [column + 1, row + 1], [column, row + 1]], values = corners.map(([x, y]) => cells[x + wide * y]);
    if (values.some(Number.isNaN)) continue;
    const cuts = [];
    for (let side = 0; side < 4; side++) {
      const [a, b] = [values[side], values[(side + 1) % 4]];
      if (a > level === b > level) continue;
      const part = (level - a) / (b - a), [[x0, y0], [x1, y1]] = [corners[side], corners[(side + 1) % 4]];
      cuts.push([x0 + part * (x1 - x0) + 0.5, y0 + part * (y1 - y0) + 0.5]);
    }
    for (let at = 0; at + 1 < cuts.length; at += 2) lines.push([...cuts[at], ...cuts[at + 1]]);
  }
  return lines;
}
