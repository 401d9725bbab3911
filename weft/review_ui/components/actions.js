// What a reader does with a span: thumbs, a note, a score, an example of a dataset, a case for people.
const AUTHOR = "weft-author";

const author = () => window.localStorage.getItem(AUTHOR) || "anonymous";
const remembered = () => (author() === "anonymous" ? "" : author());

function thumb(down) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", "M1.5 7.5h2.6v6H1.5zM5.3 7.6 8 1.6c1.1 0 1.8.8 1.8 1.8v2.8h3.3c.9 0 1.5.8 1.4 1.6l-.9 4.6c-.1.7-.7 1.1-1.4 1.1H5.3z");
  svg.append(path);
  if (down) svg.setAttribute("class", "down");
  return svg;
}

function field(label, node) {
  const box = element("label", "field");
  box.append(element("span", "", label), node);
  return box;
}

function input(value, placeholder, type = "text") {
  const node = element("input");
  node.type = type;
  node.value = value;
  node.placeholder = placeholder || "";
  return node;
}

function area(value, placeholder, rows = 3) {
  const node = element("textarea");
  node.rows = rows;
  node.value = value;
  node.placeholder = placeholder || "";
  return node;
}

function chooser(options, chosen) {
  const node = element("select");
  for (const [value, text] of options) {
    const option = element("option", "", text);
    option.value = value;
    option.selected = value === chosen;
    node.append(option);
  }
  return node;
}

// A form below the row of actions; enter or ctrl+enter sends it, esc closes it.
function form(host, title, fields, label, submit) {
  const node = element("form", "form");
  const say = element("div", "said-back");
  const done = element("button", "button primary", label);
  done.type = "submit";
  const row = element("div", "buttons");
  row.append(done, button("Cancel", "esc", () => host.replaceChildren()));
  node.append(element("div", "formtitle", title), ...fields, row, say);
  node.onsubmit = async (event) => {
    event.preventDefault();
    done.disabled = true;
    say.className = "said-back";
    try {
      const message = await submit();
      if (host.contains(node)) told(host, message);
    } catch (error) {
      say.className = "said-back bad";
      say.textContent = error.message;
    } finally { done.disabled = false; }
  };
  node.onkeydown = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) node.requestSubmit();
    if (event.key === "Escape") { event.stopPropagation(); host.replaceChildren(); }
  };
  host.replaceChildren(node);
  const first = node.querySelector("textarea, input, select");
  if (first) first.focus();
  node.scrollIntoView({ block: "nearest" });
}

function told(host, message, bad = false) {
  const node = element("div", "said-back" + (bad ? " bad" : " good"));
  node.setAttribute("role", "status");
  node.append(...[message].flat());
  host.replaceChildren(node);
}

// What was written as an answer: JSON where it is an object, a list, a number, else a text.
function answerIn(text) {
  try { return JSON.parse(text); } catch { return text; }
}

function linkTo(text, href) {
  const link = element("a", "", text);
  link.href = href;
  link.onclick = (event) => follow(event, href);
  return link;
}

function actions(span, context) {
  const box = element("div", "actions");
  const host = element("div", "formhost");
  const row = element("div", "buttons");
  const path = `/api/spans/${encodeURIComponent(span.trace_id)}/${encodeURIComponent(span.span_id)}/feedback`;
  const projectPath = "/api/projects/" + encodeURIComponent(span.project);

  async function score(body) {
    await send(path, { author: author(), ...body });
    await context.scored();
  }

  // A thumb that is pressed already is taken back.
  let given = null;
  async function vote(label, value) {
    if (given && given.label === label) {
      await ask("/api/scores/" + encodeURIComponent(given.score_id) + "?" + new URLSearchParams({ author: author() }), { method: "DELETE" });
      await context.scored();
      return "Taken back.";
    }
    await score({ name: "thumbs", value, label });
    return "Stored: thumbs " + label + ".";
  }

  const thumbs = [["up", 1, "Good: thumbs up (+)"], ["down", 0, "Bad: thumbs down (-)"]].map(([label, value, title]) => {
    const node = button("", title, () => vote(label, value).then(
      (message) => told(host, message), (error) => told(host, error.message, true)), "thumb " + label);
    node.setAttribute("aria-label", "Thumbs " + label);
    node.append(thumb(label === "down"));
    return node;
  });

  function note() {
    const text = area("", "What is there to say?"), who = input(remembered(), "your name, if you like");
    form(host, "A note on this span", [field("Note", text), field("As", who)], "Store note", async () => {
      if (!text.value.trim()) throw new Error("The note is empty.");
      window.localStorage.setItem(AUTHOR, who.value.trim());
      await score({ name: "note", explanation: text.value.trim() });
      return "Stored the note.";
    });
  }

  function rate() {
    const name = input("quality", "name of the score"), value = input("", "a number such as 0.8"), label = input("", "or a word such as good"),
      why = area("", "why, if there is something to say", 2), who = input(remembered(), "your name, if you like");
    value.inputMode = "decimal";
    form(host, "A score of this span", [field("Name", name), field("Value", value), field("Label", label), field("Why", why), field("As", who)], "Store score", async () => {
      const number = value.value.trim() === "" ? null : Number(value.value.replace(",", "."));
      if (number !== null && !Number.isFinite(number)) throw new Error("The value is not a number.");
      if (number === null && !label.value.trim()) throw new Error("Give a value, a label or both.");
      window.localStorage.setItem(AUTHOR, who.value.trim());
      await score({ name: name.value.trim(), value: number, label: label.value.trim() || null, explanation: why.value.trim() || null });
      return "Stored the score " + name.value.trim() + ".";
    });
    value.focus();
  }

  async function dataset() {
    const known = await ask(projectPath + "/artifacts?type=dataset").catch(() => []);
    const fresh = "\u0000new";
    const which = chooser([...known.map((one) => [one.name, `${one.name} (v${one.version}, ${count(one.examples)} examples)`]), [fresh, "a new dataset"]]);
    const name = input("", "name of the new dataset"), nameField = field("Name", name);
    const expected = chooser([["output", "the output of this span"], ["given", "what I write here"], ["none", "nothing yet"]]);
    const text = area("", "JSON, or plain text", 2), textField = field("Answer", text);
    const show = () => { nameField.hidden = which.value !== fresh; textField.hidden = expected.value !== "given"; };
    which.onchange = expected.onchange = show;
    show();
    form(host, "This span as an example of a dataset", [field("Dataset", which), nameField, field("Expected", expected), textField], "Add to dataset", async () => {
      const chosen = which.value === fresh ? name.value.trim() : which.value;
      if (!chosen) throw new Error("Give the new dataset a name.");
      const made = await send(`${projectPath}/datasets/${encodeURIComponent(chosen)}/examples`, {
        trace_id: span.trace_id, span_id: span.span_id, answer: expected.value, expected: expected.value === "given" ? answerIn(text.value) : null });
      context.linked();
      const ref = made.name + ":v" + made.version;
      return ["Made ", linkTo(ref, "/artifact?" + new URLSearchParams({ ref, project: span.project })), " with " + count(made.examples) + " examples."];
    });
  }

  async function review() {
    const queues = await ask("/api/queues?project=" + encodeURIComponent(span.project)).catch(() => []);
    if (!queues.length) {
      told(host, "This project has no review queue yet: an evaluation with review=weft.ReviewPolicy(...) makes one.", true);
      return;
    }
    const which = chooser(queues.map((one) => [one.queue_id, one.name + (one.rubric && one.rubric.question ? ": " + one.rubric.question : "")]));
    const why = input("", "why people should look at it");
    form(host, "Send this span to people", [field("Queue", which), field("Reason", why)], "Send to review", async () => {
      const answer = await send(`/api/queues/${encodeURIComponent(which.value)}/spans`, {
        trace_id: span.trace_id, span_id: span.span_id, reason: why.value.trim() || "sent by hand" });
      const queue = queues.find((one) => one.queue_id === which.value);
      const link = linkTo(queue.name, "/review?" + new URLSearchParams({ queue: queue.name, project: span.project }));
      return answer.added ? ["It waits in ", link, "."] : ["It is in ", link, " already."];
    });
  }

  const noteButton = button("Note", "Write a note (a)", note), rateButton = button("Score", "Give a score (s)", rate);
  const dataButton = button("Add to dataset", "Add to a dataset (t)", dataset), reviewButton = button("Send to review", "Send to people (r)", review);
  row.append(...thumbs, noteButton, rateButton, dataButton, reviewButton);
  box.append(row, host);
  context.keys = { "+": () => thumbs[0].click(), "-": () => thumbs[1].click(), a: note, s: rate, t: dataset, r: review };
  context.close = () => { const had = host.hasChildNodes(); host.replaceChildren(); return had; };
  context.thumbs = (score) => {
    given = score || null;
    thumbs.forEach((node) => node.setAttribute("aria-pressed", String(Boolean(given) && node.classList.contains(given.label))));
  };
  return box;
}
