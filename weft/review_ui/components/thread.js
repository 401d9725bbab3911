// A conversation: the turns of a thread in order, each as chat, each a link to its trace.
function turnNode(summary, context) {
  const span = summary.root;
  const box = element("section", "turn");
  const head = element("div", "head");
  const took = span.end_ns === null ? null : plainNumber(span.end_ns) - plainNumber(span.start_ns);
  const tokens = summary.input_tokens === null && summary.output_tokens === null ? null : (summary.input_tokens || 0) + (summary.output_tokens || 0);
  const link = linkTo(span.name, "/trace?" + new URLSearchParams({ id: span.trace_id, project: span.project }));
  head.append(link, element("span", "soft", moment(span.start_ns)));
  box.append(head, factsNode([
    ["Status", statusNode(summary.errors && span.status !== "error" ? "error" : span.status)], ["Duration", duration(took)],
    ["Spans", count(summary.spans)], ["Tokens", tokens === null ? null : count(tokens)], ["Cost", summary.cost_usd === null ? null : usd(summary.cost_usd)],
  ]));
  const failure = failureNode(span);
  if (failure) box.append(failure);
  const chat = element("div", "chat");
  const say = (role, value) => {
    const known = chatOf(value);
    const messages = known ? known.messages : null;
    if (messages && messages.length > 1) {  // a call is given the whole history: the last thing said is this turn's
      const earlier = element("details", "earlier");
      earlier.append(element("summary", "", `${messages.length - 1} messages before`), chatNode(messages.slice(0, -1), context));
      chat.append(earlier, chatNode(messages.slice(-1), context));
      return;
    }
    const row = element("div", "message " + role);
    const only = value && typeof value === "object" && Object.keys(value).length === 1 ? Object.values(value)[0] : value;
    row.append(element("div", "label", role), ...(typeof only === "string" ? [partNode(only, context)] : contentNode(value, context)));
    chat.append(messages ? chatNode(messages, context) : row);
  };
  if (span.input !== null) say("user", span.input);
  if (span.output !== null) say("assistant", span.output);
  box.append(chat);
  return box;
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root");
  const key = JSON.stringify(data);
  if (root.weft === key) return undefined;
  root.weft = key;
  const context = { project: data.project, frees: [] };
  const list = element("div", "turns");
  root.replaceChildren(list);
  const more = button("", "", () => load(), "");
  let cursor = null;
  async function load() {
    more.remove();
    try {
      const page = await ask("/api/traces?" + new URLSearchParams({ project: data.project, thread_id: data.thread, order: "start", limit: 50, ...(cursor ? { cursor } : {}) }));
      list.append(...page.items.map((summary) => turnNode(summary, context)));
      cursor = page.cursor;
      if (cursor) { more.textContent = "Later turns"; list.append(more); }
    } catch (error) { list.append(element("div", "failure bad", error.message)); }
  }
  load();
  return () => { if (!root.isConnected) context.frees.splice(0).forEach((free) => free()); };
}
