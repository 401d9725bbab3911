// What the fields of runs are called, how they are written, filtered and sorted by.
const FIXED = { status: "Status", started: "Started", duration: "Duration", tags: "Tags", kind: "Kind", group: "Group", job_type: "Job type", notes: "Notes", "git.commit": "Commit", "environment.host": "Host" };
const WIDTHS = { name: 150, status: 112, started: 104, duration: 92, tags: 150, kind: 60, notes: 180 };
const LESS_IS_MORE = /loss|error|perplexity|latency|cost/;
const SORTABLE = /^(name|started|ended|duration|kind|status|group|job_type|notes|tags|environment\.host|(config|summary)\..+)$/;
const ORDERS = { started: "started_at", ended: "ended_at", duration: "duration_s" };
const ARCHIVED = "archived";

// A field as a filter names it: what is no plain word stands in brackets.
function filterName(field) {
  const [place, ...rest] = field.split("."), key = rest.join(".");
  if (!rest.length) return ORDERS[field] ?? field;
  return /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/.test(key) ? field : `${place}[${key.includes('"') ? "'" + key + "'" : '"' + key + '"'}]`;
}

// A condition that a field has a value.
function hasValue(field, value) {
  value = value instanceof Exact ? plainNumber(value) : value;
  if (value === null || value === undefined) return filterName(field) + " is None";
  return `${filterName(field)} == ${typeof value === "string" ? (value.includes('"') ? "'" + value + "'" : '"' + value + '"') : value}`;
}

const titleOf = (field) => FIXED[field] ?? (field === "name" ? "Name" : field.replace(/^(config|summary)\./, ""));

// From the least to the greatest of a group with its mean, on the scale of all groups.
function rangeBar({ sum, n, low, high }, groups, name) {
  const all = groups.map((group) => group.figures.get(name)).filter(Boolean), from = Math.min(...all.map((one) => one.low)), to = Math.max(...all.map((one) => one.high));
  const at = (value) => ((value - from) / (to - from || 1)) * 100, node = element("span", "range"), bar = element("span", "band"), dot = element("span", "middle");
  bar.style.left = at(low) + "%";
  bar.style.width = Math.max(1, at(high) - at(low)) + "%";
  dot.style.left = at(sum / n) + "%";
  node.append(bar, dot);
  return node;
}

function movableColumn(cell, name, moved) {
  cell.draggable = true;
  cell.addEventListener("dragstart", (event) => event.dataTransfer.setData("text/weft-column", name));
  cell.addEventListener("dragover", (event) => { if (event.dataTransfer.types.includes("text/weft-column")) event.preventDefault(); });
  cell.addEventListener("drop", (event) => {
    const from = event.dataTransfer.getData("text/weft-column");
    if (from && from !== name) moved(from, name);
  });
}

// The name of a group: 0.0 and 0 are one.
const groupName = (value) => (value === null || value === undefined ? "none" : plainText(plainNumber(value)));

const changeRun = (run, changes) => send("/api/runs/" + encodeURIComponent(run), changes, "PATCH");

// What was measured on data held out comes first, what only goes along with training last.
const interestOf = (field) => (/^summary\.(val|valid|validation|test|eval|dev|held_?out)[/_.]/i.test(field) ? 0 : /(^|[/_.])(lr|learning_rate|epoch|step|grad_norm)$|throughput|per_s(ec|econd)?$|time/i.test(field) ? 2 : 1);

// How wide a column is that nobody has made wider: its title and the mark of the order fit.
const widthOf = (field) => WIDTHS[field] ?? Math.min(150, Math.max(84, Math.round(titleOf(field).length * 6.6) + 28));

// A value of the table as a file has it: times in ISO, durations in seconds, tags by commas.
function plainCell(field, value) {
  if (value === null || value === undefined || value instanceof Exact || typeof value !== "object") {
    if (value !== null && /^(started|ended)$/.test(field)) return new Date(plainNumber(value) / 1e6).toISOString();
    return value !== null && field === "duration" ? plainNumber(value) / 1e9 : value;
  }
  return Array.isArray(value) && value.every((one) => typeof one === "string") ? value.join(", ") : written(value);
}
