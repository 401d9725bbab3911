// One span in full, as the right side of a trace shows it.

function factsNode(pairs) {
  const box = element("div", "facts");
  for (const [name, value, title] of pairs) {
    if (value === null || value === undefined || value === MISSING) continue;
    const one = element("span");
    one.append(element("b", "", name), value);
    if (title) one.title = title;
    box.append(one);
  }
  return box;
}

function usage(span) {
  const part = (value, of) => (value === null || value === undefined ? "" : `, ${count(value)} of them ${of}`);
  const into = span.input_tokens === null ? null : count(span.input_tokens) + part(span.cached_tokens, "cached");
  const out = span.output_tokens === null ? null : count(span.output_tokens) + part(span.reasoning_tokens, "reasoning");
  return [into, out];
}

function failureNode(span) {
  const events = span.events.filter((event) => event && event.name === "exception");
  if (span.status !== "error" && !span.status_message && !events.length) return null;
  const box = element("div", "failure" + (span.status === "error" ? " bad" : ""));
  if (span.status_message) box.append(textBlock(span.status_message, "text"));
  for (const event of events) {
    const about = event.attributes || {};
    const head = [about["exception.type"], about["exception.message"]].filter((word) => typeof word === "string").join(": ");
    if (head && head !== span.status_message) box.append(textBlock(head, "text"));
    const stack = about["exception.stacktrace"];
    if (typeof stack === "string" && stack) {
      const more = element("details");
      more.append(element("summary", "", "Stack"), textBlock(stack, "text mono"));
      box.append(more);
    }
  }
  if (!box.hasChildNodes()) box.textContent = "It failed and said nothing of why.";
  return box;
}

function content(title, value, context, open = true) {
  return fold(title, title, context.folds, () => {
    const body = element("div");
    const tools = element("div", "tools");
    const draw = () => body.replaceChildren(...(context.raw.has(title) ? [textBlock(written(value), "text mono")] : contentNode(value, context)));
    if (value !== null && typeof value === "object" && !(value instanceof Exact)) {
      const toggle = button(context.raw.has(title) ? "As read" : "JSON", "Switch between the reading form and the JSON", () => {
        context.raw.has(title) ? context.raw.delete(title) : context.raw.add(title);
        toggle.textContent = context.raw.has(title) ? "As read" : "JSON";
        draw();
      }, "quiet");
      tools.append(toggle);
    }
    if (value !== null && value !== undefined) tools.append(copyButton(() => written(value)));
    draw();
    return [tools, body];
  }, open);
}

function scoresNode(scores) {
  const table = element("table", "scores");
  for (const score of scores) {
    const line = table.insertRow();
    const value = score.value === null || score.value === undefined ? (score.failure ? "failed" : null) : String(score.value);
    const said = [score.label, value].filter((word) => word !== null && word !== undefined && word !== "").join(" · ");
    const who = [score.source, score.author, score.metadata && score.metadata.simulated ? "simulated" : null].filter(Boolean).join(" · ");
    const name = element("td", "", score.name);
    const about = element("td");
    about.append(element("div", "", said || (score.explanation ? "" : MISSING)));
    if (score.explanation) about.append(textBlock(score.explanation, "said"));
    const by = element("td", "null", who);
    by.title = moment(score.time_ns);
    line.append(name, about, by);
  }
  return table;
}

const PLACES = { run: ["/run", "id"], artifact: ["/artifact", "ref"], trace: ["/trace", "id"], queue: ["/review", "queue"] };

function place(kind, name, project) {
  const [path, parameter] = PLACES[kind];
  return path + "?" + new URLSearchParams({ [parameter]: name, project });
}

// Where a span leads: its run, the model that answered, the datasets of the run and those that took it in.
async function linkedRows(span) {
  const rows = [];
  const lineage = (kind, name) => ask(`/api/projects/${encodeURIComponent(span.project)}/lineage?` + new URLSearchParams({ kind, name })).catch(() => null);
  if (span.run_id) rows.push(["Run", span.run_id, place("run", span.run_id, span.project)]);
  if (span.model_version) rows.push(["Model", span.model_version, place("artifact", span.model_version, span.project)]);
  if (span.thread_id) rows.push(["Thread", span.thread_id, "/thread?" + new URLSearchParams({ id: span.thread_id, project: span.project })]);
  if (span.user_id) rows.push(["User", span.user_id, "/traces?" + new URLSearchParams({ user: span.user_id, project: span.project })]);
  const seen = new Set(rows.map(([, , href]) => href));
  const add = (label, kind, name) => {
    const href = PLACES[kind] && place(kind, name, span.project);
    if (href && !seen.has(href)) { seen.add(href); rows.push([label, name, href]); }
  };
  const found = await Promise.all([
    lineage("trace", span.trace_id), span.run_id ? lineage("run", span.run_id) : null,
    span.model_version ? lineage("artifact", span.model_version) : null]);
  for (const edge of (found[0] && found[0].downstream) || []) add("In dataset", edge.target_kind, edge.target);
  for (const edge of (found[1] && found[1].upstream) || []) add("The run used", edge.source_kind, edge.source);
  for (const edge of (found[2] && found[2].upstream) || []) add("The model came of", edge.source_kind, edge.source);
  const shown = rows.slice(0, 20), runs = shown.filter(([, , href]) => href.startsWith("/run?")).map(([, id]) => id);
  const page = runs.length ? await send("/api/runs/rows", { query: { run_ids: runs, limit: runs.length }, fields: ["name"] }).catch(() => null) : null;
  const names = new Map(page ? page.runs.map((id, at) => [id, page.rows[at][0]]) : []);  // a run that is gone keeps its id
  return shown.map(([label, name, href]) => [label, names.get(name) ?? name, href]);
}

function linksNode(rows) {
  const table = element("table", "links");
  for (const [label, name, href] of rows) {
    const line = table.insertRow();
    const cell = element("td");
    cell.append(linkTo(name, href));
    line.append(element("th", "", label), cell);
  }
  return table;
}

function spanNode(span, row, context) {
  const box = element("div", "span");
  const head = element("div", "head");
  const id = element("button", "id", span.span_id);
  id.type = "button";
  id.title = "Copy";
  id.onclick = () => navigator.clipboard.writeText(span.span_id);
  head.append(element("h1", "", span.name), id);
  const [into, out] = usage(span);
  const took = span.end_ns === null ? null : plainNumber(span.end_ns) - plainNumber(span.start_ns);
  box.append(head, factsNode([
    ["Status", statusNode(span.status === "unset" ? "ok" : span.status)], ["Kind", span.kind], ["Duration", duration(took)], ["Began", "+" + duration(row ? row.start : null)],
    ["Model", span.model], ["Provider", span.provider], ["Tokens in", into], ["out", out],
    ["Cost", span.cost_usd === null ? null : usd(span.cost_usd), span.cost_usd === null ? "" : String(span.cost_usd)],
    ["With all below: tokens", row && row.below ? count(row.tokens) : null], ["cost", row && row.below ? usd(row.cost) : null],
  ]));
  if (!context.blind) box.append(actions(span, context));
  const failure = failureNode(span);
  if (failure) box.append(failure);
  box.append(content("Input", span.input, context), content("Output", span.output, context));
  if (!context.blind) {
    const scores = element("div"), linked = element("div");
    box.append(scores, linked);
    context.scored = async () => {
      const found = (await ask("/api/scores?" + new URLSearchParams({ trace_id: span.trace_id, span_id: span.span_id }))).items;
      scores.replaceChildren(...(found.length ? [fold(`Scores (${found.length})`, "Scores", context.folds, () => scoresNode(found), true)] : []));
      context.thumbs(found.filter((score) => score.name === "thumbs" && score.author === author()).pop());
    };
    context.linked = async () => {
      const rows = await linkedRows(span);
      linked.replaceChildren(...(rows.length ? [fold(`Links (${rows.length})`, "Links", context.folds, () => linksNode(rows), true)] : []));
    };
    context.scored().catch(() => {});
    context.linked().catch(() => {});
  }
  const events = span.events.filter((event) => event && event.name !== "exception");
  if (events.length) {
    box.append(fold(`Events (${events.length})`, "Events", context.folds, () => events.map((event) => {
      const one = element("div", "event");
      one.append(element("div", "label", [event.name, event.time_ns ? "+" + duration(plainNumber(event.time_ns) - plainNumber(span.start_ns)) : ""].filter(Boolean).join("  ")), jsonTree(event.attributes || event, 1));
      return one;
    }), false));
  }
  const names = Object.keys(span.attributes).length;
  if (names) box.append(fold(`Attributes (${names})`, "Attributes", context.folds, () => [copyButton(() => written(span.attributes)), jsonTree(span.attributes, 1)], false));
  if (span.links.length) box.append(fold(`Links to other spans (${span.links.length})`, "Spans", context.folds, () => jsonTree(span.links), false));
  if (Object.keys(span.resource).length) box.append(fold("Resource", "Resource", context.folds, () => jsonTree(span.resource, 1), false));
  box.append(fold("Load this in Python", "Python", context.folds, () => {
    const code = `import weft\nspans = weft.Api().trace("${span.trace_id}")\nspan = next(span for span in spans if span.span_id == "${span.span_id}")`;
    return [copyButton(code), textBlock(code, "text mono")];
  }, false));
  return box;
}
