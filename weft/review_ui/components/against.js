// How an evaluation stands against the one before it, in a sentence.
async function against(root, data) {
  const bold = element("b", "", "Against the one before: ");
  const box = element("div", "note");
  box.append(bold, "comparing …");
  root.replaceChildren(box);
  const runs = data.runs.join(",");
  try {
    const told = await ask("/api/comparisons?" + new URLSearchParams({ runs }));
    const rows = told.pairs[0].metrics, row = rows.find((one) => one.difference.method === "tango") || rows[0];
    bold.textContent = "Against the one before (" + told.runs[0].target + "): ";
    box.replaceChildren(bold, row.sentence + " ", count(row.lost) + " fell, " + count(row.gained) + " rose. ");
    const link = element("a", "", "See what changed"), href = "/compare?" + new URLSearchParams({ runs, metric: row.metric });
    link.href = href;
    link.onclick = (event) => follow(event, href);
    box.append(link);
    if (!row.is_share && row.difference.low !== null && (row.difference.low > 0 || row.difference.high < 0)) box.classList.add(row.better ? "up" : "down");
  } catch (error) {
    box.replaceChildren(bold, error.message);
  }
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root");
  const key = JSON.stringify(data);
  if (root.weft !== key) {
    root.weft = key;
    against(root, data);
  }
}
