// From a place in a chart to what the run printed and logged then.
const MOMENT_BUCKETS = 2000;

// The time (s since the epoch) of the last point of a curve up to `x` on an axis: as many points come before it by time.
async function timeAt({ run, name, source }, axis, x) {
  if (axis === "time") return x;
  const of = async (by, first, last) => (await askCurves({ run_ids: [run], names: [name], x: by, first, last, buckets: MOMENT_BUCKETS })).curves.find((curve) => curve.source === source);
  let left = (await of(axis, null, x)).counts.reduce((sum, n) => sum + n, 0), curve = await of("time", null, null), at = 0;
  for (let turn = 0; turn < 2; turn++) {  // once roughly, once within the bucket that was found
    for (at = 0; at < curve.x.length - 1 && left > curve.counts[at]; at++) left -= curve.counts[at];
    if (turn || curve.counts[at] <= 1) break;
    const finer = await of("time", curve.x[at], at + 1 < curve.x.length ? curve.x[at + 1] : null);
    if (finer?.x.length) curve = finer; else break;
  }
  return curve.x[at];
}

function momentLinks(one, name, axis) {
  if (!["step", "relative", "time"].includes(axis) || !one?.line.name) return [];
  const open = (more) => visit("/run?" + new URLSearchParams({ id: one.line.run, ...more })), { run, source } = one.line;
  const printed = button("Console", `What ${one.line.label} printed then`, async () => open({ tab: "console", at: String(await timeAt({ run, name, source }, axis, one.x)) }), "quiet");
  const logged = axis === "step" ? [button("Media", `What ${one.line.label} logged up to this step`, () => open({ tab: "media", step: String(Math.round(one.x)) }), "quiet")] : [];
  return [printed, ...logged];
}
