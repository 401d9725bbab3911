// The fields of a rubric as controls. One field is the active one: keys answer it, arrows lead to the others.
const ONE_OF = ["binary", "categories", "pairwise"];
const WRITTEN = ["text", "corrected"];

function answered(value) {
  return value !== undefined && value !== null && value !== "" && !(Array.isArray(value) && !value.length);
}

// The places of a scale, each as a choice.
function places(field) {
  const out = [];
  for (let at = 0; out.length < 100; at++) {
    const value = Number((field.min + at * (field.step || 1)).toPrecision(12));
    if (value > field.max + 1e-9) return out;
    out.push({ label: String(value), answer: value, key: value >= 0 && value <= 9 && Number.isInteger(value) ? String(value) : "" });
  }
  return out;
}

function choicesOf(field) {
  if (field.type === "scale") return places(field);
  return field.choices.map((choice) => ({ label: choice.label, answer: choice.label, key: choice.key }));
}

class Answers {
  // `changed` hears of every answer, `chosen` of a choice that answers a rubric of one question.
  constructor(rubric, original, { changed, chosen }) {
    this.rubric = rubric;
    this.original = original;
    this.changed = changed;
    this.chosen = chosen;
    this.values = {};
    this.active = 0;
    this.single = rubric.fields.length === 1 && ONE_OF.includes(rubric.fields[0].type);
    this.node = element("div", "fields");
    this.parts = rubric.fields.map((field, at) => this.part(field, at));
    this.node.append(...this.parts.map((part) => part.box));
    this.mark();
  }

  part(field, at) {
    const box = element("fieldset", "fieldset");
    if (!this.single) {
      const legend = element("legend", "", field.question || field.name);
      if (!field.required) legend.append(element("span", "soft", " if you like"));
      box.append(legend);
    }
    if (field.help) box.append(element("div", "soft", field.help));
    box.addEventListener("focusin", () => { this.active = at; this.mark(); });
    if (field.type === "number") return this.typed(field, box, input("", numberHint(field), "number"), (text) => (text.trim() === "" ? null : Number(text)));
    if (WRITTEN.includes(field.type)) return this.written(field, box);
    const row = element("div", "choices" + (field.type === "scale" ? " scale" : ""));
    const buttons = choicesOf(field).map((choice) => {
      const node = button(choice.label, "", () => this.choose(at, choice));
      node.classList.add("choice");
      if (choice.key) node.append(element("kbd", "", choice.key));
      row.append(node);
      return { choice, node };
    });
    box.append(row);
    if (field.low || field.high) {
      const ends = element("div", "ends soft");
      ends.append(element("span", "", field.low), element("span", "", field.high));
      box.append(ends);
    }
    const show = () => buttons.forEach(({ choice, node }) => {
      const value = this.values[field.name];
      node.setAttribute("aria-pressed", String(Array.isArray(value) ? value.includes(choice.answer) : value === choice.answer));
    });
    return { field, box, buttons, show, focus: () => {} };
  }

  typed(field, box, node, read) {
    node.setAttribute("aria-label", field.question || field.name);
    node.oninput = () => this.set(field, read(node.value));
    box.append(node);
    return { field, box, buttons: [], focus: () => node.focus(), show: () => {
      const value = this.values[field.name];
      if (document.activeElement !== node && read(node.value) !== value) node.value = value ?? "";
    } };
  }

  written(field, box) {
    const corrected = field.type === "corrected";
    const node = area("", corrected ? "The answer as it should have been" : "", corrected ? 2 : 1);
    const part = this.typed(field, box, node, (text) => text);
    if (!corrected || typeof this.original !== "string") return part;
    const start = button("Start from the answer", "Put the answer here, to change it", () => {
      node.value = this.original;
      this.set(field, this.original);
      node.focus();
    }, "quiet");
    const diff = element("div");
    box.append(start, diff);
    return { ...part, show: () => {
      part.show();
      const value = this.values[field.name];
      start.hidden = answered(value);
      diff.replaceChildren(...(answered(value) && value !== this.original ? [diffNode(linesOf(this.original), linesOf(value), false)] : []));
    } };
  }

  set(field, value) {
    if (answered(value)) this.values[field.name] = value; else delete this.values[field.name];
    this.mark();
    this.changed(this.values);
  }

  choose(at, choice) {
    const { field } = this.parts[at];
    this.active = at;
    if (field.type === "multi") {
      const now = this.values[field.name] || [];
      this.set(field, now.includes(choice.answer) ? now.filter((one) => one !== choice.answer) : [...now, choice.answer]);
      return;
    }
    this.set(field, choice.answer);
    if (this.single) { this.chosen(); return; }
    const next = this.parts.findIndex((part, k) => k > at && !answered(this.values[part.field.name]));
    if (next >= 0) this.go(next);
  }

  go(at) {
    this.active = Math.max(0, Math.min(this.parts.length - 1, at));
    this.mark();
    this.parts[this.active].focus();
    this.parts[this.active].box.scrollIntoView({ block: "nearest" });
  }

  load(values) {
    this.values = { ...values };
    this.mark();
  }

  mark() {
    this.parts.forEach((part, at) => {
      part.box.classList.toggle("active", !this.single && at === this.active);
      part.show();
    });
  }

  // The first required field without an answer, made active; null where there is none.
  missing() {
    const at = this.parts.findIndex(({ field }) => field.required && !answered(this.values[field.name]));
    if (at < 0) return null;
    this.go(at);
    return this.parts[at].field;
  }

  // Whether a key meant one of the fields.
  key(name) {
    const { field, buttons } = this.parts[this.active];
    const hit = buttons.find(({ choice }) => choice.key && choice.key === name) || (/^[1-9]$/.test(name) ? buttons[Number(name) - 1] : null);
    if (hit && (field.type !== "scale" || hit.choice.key === name || !buttons.some(({ choice }) => choice.key))) { hit.node.click(); return true; }
    if (name === "ArrowDown") { this.go(this.active + 1); return true; }
    if (name === "ArrowUp") { this.go(this.active - 1); return true; }
    if ((name === "ArrowRight" || name === "ArrowLeft") && buttons.length && field.type !== "multi" && !this.single) {
      const now = buttons.findIndex(({ choice }) => choice.answer === this.values[field.name]);
      const next = Math.max(0, Math.min(buttons.length - 1, now + (name === "ArrowRight" ? 1 : -1)));
      this.set(field, buttons[next].choice.answer);
      return true;
    }
    return false;
  }
}

function numberHint(field) {
  if (field.min === null && field.max === null) return "a number";
  return `from ${field.min ?? "any"} to ${field.max ?? "any"}`;
}
