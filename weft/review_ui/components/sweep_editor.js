// A configuration as text, checked while it is written: each mistake with its path, and what is asked for in words.
const CHECK_MS = 250;
const MOST_TEXT = 200_000;
const SWEEP_TEMPLATE = `program: train.py
method: bayes
metric:
  name: loss
  goal: minimize
parameters:
  lr:
    distribution: log_uniform_values
    min: 1e-5
    max: 1e-1
  layers:
    values: [2, 4, 8]
run_cap: 50
`;

class SweepEditor {
  constructor(text) {
    this.node = element("div", "sweep-editor");
    this.area = area(text, "YAML: method, metric, parameters", Math.min(28, Math.max(14, text.split("\n").length + 1)));
    this.area.spellcheck = false;
    this.area.className = "yaml";
    this.area.setAttribute("aria-label", "Configuration of the sweep, YAML");
    this.file = input("", "", "file");
    this.file.accept = ".yaml,.yml,.json,text/yaml,application/json";
    this.file.setAttribute("aria-label", "Read a file");
    this.file.onchange = () => this.read();
    this.said = element("div", "checked");
    this.said.setAttribute("role", "status");
    this.area.oninput = () => { window.clearTimeout(this.timer); this.timer = window.setTimeout(() => this.check(), CHECK_MS); };
    this.area.onkeydown = (event) => this.indent(event);
    const pick = element("label", "pick soft", "or read a file: ");
    pick.append(this.file);
    const left = element("div", "written");
    left.append(this.area, pick);
    this.node.append(left, this.said);
    this.check();
  }

  get text() { return this.area.value; }

  async read() {
    const [file] = this.file.files;
    if (!file) return;
    if (file.size > MOST_TEXT) { this.said.replaceChildren(errorNode(new Error(`${file.name} has ${size(file.size)}: a configuration may have ${size(MOST_TEXT)}.`))); return; }
    this.area.value = await file.text();
    await this.check();
  }

  // A tab is two blanks, which YAML wants; shift+tab, or esc, leaves the field.
  indent(event) {
    if (event.key !== "Tab" || event.shiftKey) return;
    event.preventDefault();
    document.execCommand("insertText", false, "  ");
  }

  // Whether there is nothing to mend.
  async check() {
    const turn = (this.turn = (this.turn || 0) + 1);
    try {
      const found = await send("/api/sweeps/check", { text: this.text });
      if (turn === this.turn) this.show(found);
      return !found.mistakes.length;
    } catch (error) {
      if (turn === this.turn) this.said.replaceChildren(errorNode(error));
      return false;
    }
  }

  show({ mistakes, notes, parameters, objectives, method }) {
    if (mistakes.length) {
      const list = element("ul", "mistakes");
      for (const { path, what } of mistakes) {
        const line = element("li"), place = button(path || "the text", "Go there", () => this.go(path), "quiet place");
        line.append(element("span", "bad", "▲ "), place, " ", element("span", "what", what));
        list.append(line);
      }
      this.said.replaceChildren(element("div", "formtitle", mistakes.length === 1 ? "A mistake" : `${mistakes.length} mistakes`), list);
      return;
    }
    const facts = element("div", "asks"), lines = [
      ["Search", method === "grid" ? "every cell of the grid" : method === "random" ? "at random" : "by what earlier trials found (bayes)"],
      ...objectives.map((one) => ["Objective", `${one.name} to be ${goalWord(one)}${one.target === null ? "" : ", until " + one.target}`]),
      ...parameters.map((one) => [one.path, [parameterWords(one), whenWords(one)].filter(Boolean).join("; ")]),
      ...notes.map((note) => ["Note", note]),
    ];
    facts.append(element("div", "formtitle good", "● Nothing to mend"), factsOf(lines));
    this.said.replaceChildren(facts);
  }

  // The place of a path in the text: its keys are looked for one below the other.
  go(path) {
    let at = 0;
    for (const key of path.split(".").map((part) => part.replace(/\[\d+\]$/, ""))) {
      const found = this.text.slice(at).search(new RegExp("(^|[\\s{,])" + key.replace(/[.*+?^${}()|[\]\\]/g, "\\$&") + "['\"]?\\s*:", "m"));
      if (found < 0) break;
      at += found + (found ? 1 : 0);
    }
    const end = this.text.indexOf("\n", at);
    this.area.focus();
    this.area.setSelectionRange(at, end < 0 ? this.text.length : end);
  }
}

// Esc leaves the text that is being written, before it closes anything: what was written stays.
function leavesText(event) {
  const target = event.composedPath()[0];
  if (event.key !== "Escape" || !target.classList?.contains("yaml")) return false;
  target.blur();
  return true;
}

function factsOf(lines) {
  const list = element("dl", "asked");
  for (const [name, text] of lines) list.append(element("dt", "", name), element("dd", "", text));
  return list;
}

// What a parameter may be, in words.
function parameterWords(one) {
  if (one.kind === "constant") return "always " + paramText(one.values[0]);
  if (one.kind === "category") {
    const told = one.values.slice(0, 8).map((value, at) => paramText(value) + (one.probabilities ? ` (${(100 * plainNumber(one.probabilities[at])).toFixed(0)} %)` : ""));
    return told.join(", ") + (one.values.length > 8 ? ` and ${one.values.length - 8} more` : "") + (one.given ? "" : "; " + one.words);
  }
  return `${shortNumber(plainNumber(one.min))} to ${shortNumber(plainNumber(one.max))}${one.open ? " (99 %)" : ""}, ${one.words}`;
}

const whenWords = (one) => (one.when ? "only where " + Object.entries(one.when).map(([path, values]) => `${path} is ${values.map(paramText).join(" or ")}`).join(" and ") : "");

// The lines that run a sweep's trials, each to copy.
function agentLines(sweep) {
  const box = element("div", "agent-lines"), calls = !sweep.config.program && !sweep.config.command;
  const line = calls ? `weft.agent("${sweep.sweep_id}", function)` : "weft agent " + sweep.sweep_id;
  const lines = calls ? [["It has no program: call your function in Python", "import weft\n" + line], ["Where it searches the settings of an evaluation", `weft.sweep_evaluation(evaluation, target, config, sweep="${sweep.sweep_id}")`]] : [["On this machine, in the folder of the program", line], ["On any other machine", `WEFT_URL=${window.location.origin} ${line}`], ["Several at once", line + " --parallel 4"]];
  for (const [what, code] of lines) {
    const pre = element("pre", "mono", code);
    pre.append(copyButton(code));
    box.append(element("div", "soft", what), pre);
  }
  return box;
}
