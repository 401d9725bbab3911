// Figures as they are drawn and written everywhere: a dot with its whisker, a number with its interval, rows as a file.
function whisker([middle, low, high], [from, to]) {
  const place = (value) => 100 * Math.min(1, Math.max(0, (value - from) / ((to - from) || 1)));
  const box = element("span", "whisker");
  const put = (className, left, width) => {
    const node = element("span", className);
    node.style.left = left + "%";
    if (width !== undefined) node.style.width = width + "%";
    box.appendChild(node);
  };
  if (from < 0 && to > 0) put("zero", place(0));
  if (low !== null && high !== null) put("bar", place(low), place(high) - place(low));
  put("dot", place(middle));
  return box;
}

function number(value, digits = 3) {
  value = plainNumber(value);
  if (value === null || value === undefined || Number.isNaN(value)) return MISSING;
  if (!Number.isFinite(value)) return value < 0 ? "−∞" : "∞";
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  return Math.abs(value) < 1e-4 ? value.toExponential(digits - 2) : value.toPrecision(digits);
}

function signed(value) {
  value = plainNumber(value);
  return value === null || value === undefined ? MISSING : (value >= 0 ? "+" : "−") + Math.abs(value).toFixed(3);
}

function interval(figure) {
  if (!figure || figure.value === null) return MISSING;
  const [value, low, high] = [figure.value, figure.low, figure.high].map(plainNumber);
  return value.toFixed(2) + (low === null || high === null ? "" : ` [${low.toFixed(2)}, ${high.toFixed(2)}]`);
}

// A cell as CSV: the exact value where there is one. A text that a spreadsheet would take for a formula gets a quote.
function quoted(value) {
  const text = value === null || value === undefined || value === "–" ? "" : String(value);
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? "'" + text : text;
  return /[",\n\r]/.test(safe) ? '"' + safe.replaceAll('"', '""') + '"' : safe;
}

function csvLink(name, lines) {
  const foot = element("div", "foot");
  const link = element("a", "", "CSV");
  link.title = "Download this table";
  link.download = name + ".csv";
  link.href = "#";
  link.onclick = () => {
    const text = lines().map((line) => line.map(quoted).join(",") + "\r\n").join("");
    const file = new Blob([text], { type: "text/csv;charset=utf-8" });
    link.href = URL.createObjectURL(file);
    window.setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  foot.append(link);
  return foot;
}
