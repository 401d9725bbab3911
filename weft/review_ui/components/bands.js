// Curves of many runs as one of their group: the mean at places that all share, and around it how much the runs differ.
const T95 = [12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042];
const BANDS = { ci: "95 % CI of the mean", std: "standard deviation", range: "min to max" };

// The value of a curve at each place by straight lines between its points; NaN outside of it and in its gaps.
function valuesAt(curve, places) {
  const { x, mean } = curve, out = new Float64Array(places.length).fill(NaN);
  let at = 0;
  for (let place = 0; place < places.length; place++) {
    const wanted = places[place];
    if (!x.length || wanted < x[0] || wanted > x[x.length - 1]) continue;
    while (at + 1 < x.length && x[at + 1] < wanted) at++;
    const next = Math.min(at + 1, x.length - 1);
    if (x[at] === wanted || next === at) out[place] = mean[at];
    else if (x[next] === wanted) out[place] = mean[next];
    else out[place] = mean[at] + ((mean[next] - mean[at]) * (wanted - x[at])) / (x[next] - x[at]);
  }
  return out;
}

// `band`: "ci" (Student's t at 95 %), "std", "range". A run with many ranks counts once, by their mean.
function groupCurve(curves, band) {
  const places = Float64Array.from([...new Set(curves.flatMap((curve) => [...curve.x]))].sort((a, b) => a - b));
  const grid = places.length > 600 ? places.filter((_, at) => at % Math.ceil(places.length / 600) === 0) : places;
  const runs = new Map();
  for (const curve of curves) {
    if (!runs.has(curve.run)) runs.set(curve.run, []);
    runs.get(curve.run).push(valuesAt(curve, grid));
  }
  const rows = [...runs.values()].map((parts) => (parts.length === 1 ? parts[0] : grid.map((_, at) => meanOf(parts.map((part) => part[at])))));
  const mean = new Float64Array(grid.length), low = new Float64Array(grid.length), high = new Float64Array(grid.length), counts = new Float64Array(grid.length);
  let least = Infinity, most = -Infinity;
  for (let at = 0; at < grid.length; at++) {
    const known = rows.map((row) => row[at]).filter(Number.isFinite), n = known.length;
    counts[at] = n;
    mean[at] = meanOf(known);
    for (const value of known) { if (value < least) least = value; if (value > most) most = value; }
    const spread = n > 1 ? Math.sqrt(known.reduce((sum, value) => sum + (value - mean[at]) ** 2, 0) / (n - 1)) : 0;
    const half = band === "ci" && n > 1 ? ((T95[n - 2] ?? 1.96) * spread) / Math.sqrt(n) : spread;
    low[at] = band === "range" ? Math.min(...known) : mean[at] - half;
    high[at] = band === "range" ? Math.max(...known) : mean[at] + half;
  }
  return { x: grid, mean, low, high, counts: counts.fill(curves.reduce((sum, curve) => sum + curve.counts.reduce((a, b) => a + b, 0), 0) / rows.length / (grid.length || 1)), n: rows.length, band: true, least, most };
}

function meanOf(values) {
  const known = values.filter(Number.isFinite);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : NaN;
}
