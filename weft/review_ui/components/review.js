// One case on one screen: the answer to judge, the rubric beside it, and the next case fetched while this one is read.
const AHEAD = 1;
const BEAT_SHARE = 3;  // heartbeats in the time of a lease
const REST_MS = 10_000;
const PACE_FROM = 5;  // labels, before which a pace says nothing
const DRAFT = "weft-draft-";
const SESSION = "weft-review-since";

const PARTS = [["input", "What was asked"], ["output", "What was answered"], ["expected", "For reference"]];

function sectionNode(title, value, context, className = "") {
  const box = element("section", className);
  box.append(element("h2", "", title), ...contentNode(value, context));
  return box;
}

function caseNodes(shown, context) {
  const pairwise = "a" in shown && "b" in shown;
  const nodes = PARTS.filter(([name]) => shown[name] !== undefined && shown[name] !== null)
    .map(([name, title]) => sectionNode(title, shown[name], context, name === "output" ? "answer" : ""));
  if (pairwise) {
    const pair = element("div", "pair-of");
    pair.append(sectionNode("A", shown.a, context), sectionNode("B", shown.b, context));
    nodes.splice(1, 0, pair);
  }
  const [one, other] = pairwise ? [shown.a, shown.b] : [shown.expected, shown.output];
  if (one !== undefined && one !== null && other !== undefined && other !== null) {
    const node = element("details");
    node.append(element("summary", "soft", pairwise ? "What differs between A and B" : "What differs from the reference"));
    node.addEventListener("toggle", () => { if (node.open && node.childNodes.length < 2) node.append(diffNode(linesOf(one), linesOf(other), pairwise)); });
    nodes.push(node);
  }
  return nodes;
}

const draftOf = (item) => { try { return JSON.parse(window.localStorage.getItem(DRAFT + item.item_id)); } catch { return null; } };
const keepDraft = (item, draft) => window.localStorage.setItem(DRAFT + item.item_id, JSON.stringify(draft));
const dropDraft = (item) => window.localStorage.removeItem(DRAFT + item.item_id);

function since() {
  let at = window.sessionStorage.getItem(SESSION);
  if (!at) { at = String(Date.now()) + "000000"; window.sessionStorage.setItem(SESSION, at); }
  return at;
}

class Desk {
  constructor(root, data) {
    this.root = root;
    this.data = data;
    this.context = { project: data.project, frees: [] };
    this.current = null;  // the item on the screen
    this.ahead = [];  // items claimed behind it
    this.editing = null;  // the label that is changed, in place of a claim
    this.sent = new Set();  // items whose label or skip is on its way
    this.line = Promise.resolve();  // what goes to the server, one after another
    this.strip = element("div", "strip");
    this.bar = element("div", "bar");
    this.bar.append(element("i"));
    this.past = element("div");
    this.work = element("div", "work");
    this.after = element("div", "after");
    root.replaceChildren(this.strip, this.bar, this.past, this.work, this.after);
    this.refill();
    this.tally();
    this.beat = window.setInterval(() => this.renew(), (data.lease_s * 1000) / BEAT_SHARE);
    this.onkey = (event) => this.key(event);
    this.onleave = () => this.release();
    document.addEventListener("keydown", this.onkey);
    window.addEventListener("pagehide", this.onleave);
  }

  close() {
    window.clearInterval(this.beat);
    window.clearTimeout(this.rest);
    document.removeEventListener("keydown", this.onkey);
    window.removeEventListener("pagehide", this.onleave);
    this.release();
    this.context.frees.splice(0).forEach((free) => free());
  }

  // Who is signed in is known to the server; else the body names the reviewer.
  body(values) {
    return this.data.reviewer ? { reviewer: this.data.reviewer, ...values } : values;
  }

  post(path, values, options) {
    return ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(this.body(values)), ...options });
  }

  queuePath(rest) { return "/api/queues/" + encodeURIComponent(this.data.queue) + rest; }

  me(values) { return new URLSearchParams({ ...(this.data.reviewer ? { reviewer: this.data.reviewer } : {}), ...values }); }

  inLine(act) {
    const done = this.line.then(act);
    this.line = done.catch(() => {});
    return done;
  }

  async refill() {
    try {
      const items = await this.inLine(() => this.post(this.queuePath("/claim"), { ahead: AHEAD }));
      const known = this.current && !this.editing ? this.current.item_id : null;
      this.ahead = items.filter((item) => item.item_id !== known && !this.sent.has(item.item_id));
      if (this.current) return;
      if (this.ahead.length) this.next();
      else if (!this.sent.size) this.finished();
    } catch (error) { this.problem(error.message); }
  }

  next() {
    const item = this.ahead.shift() || null;
    this.editing = null;
    this.current = null;
    if (item) this.show(item);
    else this.work.classList.add("waiting");  // the case just judged stays in sight until the next one comes
  }

  show(item, answers, comment) {
    if (item.claim && item.claim.rubric_version !== this.data.rubric_version) { window.location.reload(); return; }
    window.clearTimeout(this.rest);
    this.current = item;
    this.work.classList.remove("waiting");
    this.context.frees.splice(0).forEach((free) => free());
    const text = element("div", "case");
    text.append(...caseNodes(item.shown, this.context));
    this.side = element("div", "side");
    this.work.replaceChildren(text, this.side);
    const draft = draftOf(item) || {};
    const original = typeof item.shown.output === "string" ? item.shown.output : undefined;
    this.answers = new Answers(this.data.rubric, original, { changed: () => this.draft(), chosen: () => this.submit() });
    this.comment = input(comment ?? draft.comment ?? (item.claim && item.claim.comment) ?? "", "Comment, if there is something to say");
    this.comment.setAttribute("aria-label", "Comment");
    this.comment.oninput = () => this.draft();
    this.answers.load(answers || draft.answers || (item.claim && item.claim.answers) || {});
    this.fillSide(item);
  }

  fillSide(item) {
    const { rubric } = this.data;
    this.side.append(element("div", "ask", rubric.question));
    if (rubric.instructions) {
      const more = element("details", "instructions");
      more.append(element("summary", "", "Instructions"), rubric.instructions);
      more.open = !window.sessionStorage.getItem("weft-read-" + this.data.queue);
      window.sessionStorage.setItem("weft-read-" + this.data.queue, "1");
      this.side.append(more);
    }
    if (item.claim && item.claim.stage === 2) this.side.append(this.dispute(item));
    this.say = element("div");
    const send = button(this.editing ? "Store the change" : "Submit", "", () => this.submit(), "primary");
    send.append(element("kbd", "", "enter"));
    const row = element("div", "buttons");
    if (!this.answers.single || this.editing) row.append(send);
    if (this.editing) row.append(button("Leave it", "", () => { this.next(); this.refill(); }));
    else {
      row.append(keyed("Skip", "s", () => this.reason("Skip: why, if you like", (text) => this.skip(text))),
        keyed("Flag", "f", () => this.reason("Flag it for who runs the queue: what is wrong?", (text) => this.flag(text))));
    }
    if (item.trace_id && this.data.traces) row.append(keyed("Trace", "t", () => this.trace()));
    this.form = element("div");
    this.side.append(this.answers.node, this.comment, row, this.form, this.say);
  }

  dispute(item) {
    const box = element("div", "notice");
    box.append("The reviewers did not agree on this case; your answer decides.");
    ask("/api/items/" + encodeURIComponent(item.item_id) + "/seen?" + this.me({})).then(({ labels }) => {
      for (const label of labels.filter((one) => one.counted)) box.append(element("div", "soft", `${label.reviewer}: ${label.label}${label.comment ? ", " + label.comment : ""}`));
    }, () => {});
    return box;
  }

  draft() {
    if (!this.editing && this.current) keepDraft(this.current, { answers: this.answers.values, comment: this.comment.value });
  }

  problem(message) {
    const node = element("div", "notice bad", message);
    node.setAttribute("role", "alert");
    if (this.say && this.say.isConnected) this.say.replaceChildren(node); else this.after.replaceChildren(node);
  }

  submit() {
    const item = this.current;
    if (!item) return;
    const missing = this.answers.missing();
    if (missing) { this.problem(`${missing.question || missing.name}: there is no answer yet.`); return; }
    const answers = { ...this.answers.values }, comment = this.comment.value.trim() || null, editing = this.editing;
    const claim = encodeURIComponent(editing ? editing.claim_id : item.claim.claim_id);
    this.after.replaceChildren();
    this.sent.add(item.item_id);
    this.next();
    this.inLine(() => this.post(`/api/claims/${claim}/${editing ? "edit" : "submit"}`, { answers, comment })).then((reviewed) => {
      this.sent.delete(item.item_id);
      dropDraft(item);
      this.reveal(reviewed, answers);
      this.refill();
      this.tally();
    }, (error) => {
      this.sent.delete(item.item_id);
      if (this.current && this.current !== item) this.ahead.unshift(this.current);
      this.editing = editing;
      this.show(item, answers, comment || "");
      this.problem(error.message);
    });
  }

  // What the machine and the others said, now that the label is in.
  reveal({ item, labels, comments }, answers) {
    const mine = labels.filter((label) => label.claim_id && JSON.stringify(label.answers) === JSON.stringify(answers)).at(-1) || labels.at(-1);
    const late = mine && !mine.counted && mine.why === "late";
    const gold = mine && mine.gold_right !== null && mine.gold_right !== undefined;
    const box = element("div", "notice" + (late || (gold && !mine.gold_right) ? " bad" : gold ? " good" : ""));
    box.setAttribute("role", "status");
    const said = mine && mine.label !== null ? `You said ${mine.label}. ` : "Stored. ";
    if (late) box.append("Your label came after the case had gone to another: it is kept, not counted. ");
    else if (gold) box.append(said, mine.gold_right ? "That is the known answer. " : "The known answer is " + Object.values(item.gold || {}).join(", ") + ". ");
    else box.append(said, machineSaid(item.machine));
    const asked = element("span", "soft", " The case: " + lineOf(item.shown.input ?? item.shown.output));
    box.append(asked);
    const others = labels.filter((label) => label.counted && label.reviewer !== (mine && mine.reviewer));
    if (others.length) box.append(element("div", "soft", others.map((label) => `${label.reviewer} said ${label.label}`).join(", ")));
    for (const one of comments) box.append(element("div", "soft", `${one.author}: ${one.text}`));
    this.after.replaceChildren(box);
  }

  undo() {
    this.inLine(() => this.post(this.queuePath("/undo"), {})).then((item) => {
      if (this.current && !this.editing) this.ahead.unshift(this.current);
      this.editing = null;
      this.after.replaceChildren();
      this.show(item, item.claim.answers || {}, item.claim.comment || "");
      this.tally();
    }, (error) => this.problem(error.message));
  }

  skip(reason) {
    const item = this.current;
    const claim = encodeURIComponent(item.claim.claim_id);
    this.sent.add(item.item_id);
    this.next();
    this.inLine(() => this.post(`/api/claims/${claim}/skip`, { reason: reason || null }))
      .then(() => dropDraft(item), (error) => this.problem(error.message))
      .then(() => { this.sent.delete(item.item_id); this.refill(); this.tally(); });
  }

  flag(reason) {
    if (!reason) { this.problem("Say what is wrong with it."); return; }
    const body = this.data.reviewer ? { author: this.data.reviewer, reason } : { reason };
    send("/api/items/" + encodeURIComponent(this.current.item_id) + "/flag", body).then(() => {
      const node = element("div", "notice good", "Flagged: " + reason);
      this.say.replaceChildren(node);
    }, (error) => this.problem(error.message));
  }

  reason(placeholder, act) {
    if (!this.form) return;
    const node = input("", placeholder);
    node.setAttribute("aria-label", placeholder);
    node.onkeydown = (event) => {
      if (event.key === "Enter") { event.preventDefault(); event.stopPropagation(); this.form.replaceChildren(); act(node.value.trim()); }
      else if (event.key === "Escape") { event.stopPropagation(); this.form.replaceChildren(); }
    };
    this.form.replaceChildren(node, element("div", "soft", "enter, or esc to leave it"));
    node.focus();
  }

  trace() { visit("/trace?" + new URLSearchParams({ id: this.current.trace_id, blind: this.data.name, project: this.data.project })); }

  // One's own labels, to read again or to change.
  async history() {
    if (this.past.hasChildNodes()) { this.past.replaceChildren(); return; }
    try {
      const { items } = await ask("/api/labels?" + new URLSearchParams({ queue_id: this.data.queue, reviewer: this.data.person, newest_first: "true", limit: "200" }));
      const box = element("div", "history");
      const standing = items.filter((label) => label.why !== "edited" && label.why !== "undone");
      if (!standing.length) box.append(element("div", "soft", "You have labelled nothing here yet."));
      for (const label of standing) {
        const row = element("button");
        row.append(element("span", "soft", moment(label.submitted_ns)), element("span", "", label.label ?? "answered"), element("span", "soft", label.comment || ""));
        row.onclick = () => this.edit(label);
        box.append(row);
      }
      this.past.replaceChildren(box);
    } catch (error) { this.problem(error.message); }
  }

  async edit(label) {
    try {
      const { item } = await ask("/api/items/" + encodeURIComponent(label.item_id) + "/seen?" + this.me({}));
      this.past.replaceChildren();
      if (this.current && !this.editing) this.ahead.unshift(this.current);
      this.editing = label;
      this.show({ ...item, claim: null }, label.answers, label.comment || "");
    } catch (error) { this.problem(error.message); }
  }

  renew() {
    for (const item of [this.current, ...this.ahead]) {
      if (item && item.claim && document.visibilityState === "visible") this.post(`/api/claims/${encodeURIComponent(item.claim.claim_id)}/renew`, {}).catch(() => {});
    }
  }

  // What was fetched ahead goes back to the others when the page is left; the case at hand stays until its lease ends.
  release() {
    for (const item of this.ahead.splice(0)) {
      if (item.claim) this.post(`/api/claims/${encodeURIComponent(item.claim.claim_id)}/release`, {}, { keepalive: true }).catch(() => {});
    }
  }

  async tally() {
    try {
      const homes = await ask("/api/home?" + this.me({ project: this.data.project, since_ns: since() }));
      const mine = homes.find((one) => one.queue.queue_id === this.data.queue);
      if (mine) this.told(mine);
    } catch { /* the case matters more than its numbers */ }
  }

  told(home) {
    const facts = [[count(home.done_since), "done this session"], [count(home.left), "left for you"]];
    if (home.items_an_hour !== null && home.done >= PACE_FROM) facts.push([count(Math.round(plainNumber(home.items_an_hour))), "an hour"]);
    if (home.gold) facts.push([`${home.gold_right} of ${home.gold}`, "known answers right"]);
    if (home.queue.disputed) facts.push([count(home.queue.disputed), "disputed"]);
    const row = element("div", "buttons");
    const back = keyed("Undo", "u", () => this.undo());
    back.disabled = !home.done;
    row.append(back, keyed("My labels", "h", () => this.history()));
    this.strip.replaceChildren(...facts.map(([value, name]) => { const node = element("span"); node.append(element("b", "", value), " " + name); return node; }), row);
    const all = home.done + home.left;
    this.bar.firstChild.style.width = (all ? (100 * home.done) / all : 100) + "%";
  }

  finished() {
    const box = element("div", "done");
    box.append(element("div", "ask", "Nothing is left for you here."), element("div", "soft", "Cases that others skip, or whose time ends, come here by themselves."));
    const home = linkTo("All queues", "/review?" + new URLSearchParams({ project: this.data.project }));
    box.append(home);
    this.form = this.side = this.say = null;
    this.work.classList.remove("waiting");
    this.work.replaceChildren(box);
    this.rest = window.setTimeout(() => this.refill(), REST_MS);
  }

  key(event) {
    const enter = event.key === "Enter";
    if (enter && this.current && (event.ctrlKey || event.metaKey)) { event.preventDefault(); this.submit(); return; }
    const target = event.composedPath()[0];
    if (event.key === "Escape" && /^(INPUT|TEXTAREA)$/.test(target.tagName || "")) { target.blur(); return; }
    if (enter && this.comment && target === this.comment && !this.answers.single) { event.preventDefault(); this.submit(); return; }
    if (typing(event) || document.querySelector("dialog[open]")) return;
    const act = { u: () => this.undo(), h: () => this.history() }[event.key];
    if (act) { event.preventDefault(); act(); return; }
    if (!this.current) return;
    if (this.answers.key(event.key)) { event.preventDefault(); return; }
    const more = {
      s: () => !this.editing && this.reason("Skip: why, if you like", (text) => this.skip(text)),
      f: () => !this.editing && this.reason("Flag it for who runs the queue: what is wrong?", (text) => this.flag(text)),
      t: () => this.current.trace_id && this.data.traces && this.trace(),
      c: () => this.comment.focus(),
      i: () => { const more = this.side.querySelector(".instructions"); if (more) more.open = !more.open; },
      Enter: () => target.tagName !== "BUTTON" && this.submit(),
    }[event.key];
    if (more && !(enter && target.tagName === "BUTTON")) { event.preventDefault(); more(); }
  }
}

function keyed(text, key, act) {
  const node = button(text, "", act);
  node.append(element("kbd", "", key));
  return node;
}

function machineSaid(machine) {
  if (!machine || !machine.name) return "";
  const value = plainNumber(machine.value);
  if (value === null || value === undefined) return "The judge failed on it.";
  return "The judge gave " + Number(value.toPrecision(3)) + (machine.explanation ? ": " + lineOf(machine.explanation, 200) : ".");
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root");
  const key = JSON.stringify(data);
  if (root.weft !== key) {
    if (root.desk) root.desk.close();
    root.weft = key;
    root.desk = new Desk(root, data);
  }
  return () => { if (!root.isConnected && root.desk) { root.desk.close(); root.desk = null; root.weft = null; } };
}
