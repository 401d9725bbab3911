// What the page of runs shows, as words: each stands in the address where it is not as usual, or as in the saved view.
const USUAL = {
  q: "", where: "", kind: "", status: "", order: "-started_at", group: "", cols: "", namew: "", sel: "", first: "10", pane: "both", tab: "charts", share: "42",
  x: "", smooth: "0", lx: "", ly: "", env: "1", band: "ci", m: "", pins: "", shut: "", hide: "", flip: "", wide: "", zoom: "",
  sx: "", sy: "", sc: "", axes: "", target: "", archived: "",
};
const OF_A_VIEW = Object.keys(USUAL).filter((name) => name !== "zoom");

class Board {
  constructor(changed) {
    this.changed = changed;
    this.view = null;
  }

  get(name) { return asked().get(name) ?? this.view?.content[name] ?? USUAL[name] ?? ""; }

  list(name) {
    try { return JSON.parse(this.get(name) || "[]"); } catch { return []; }
  }

  // An empty value that differs from the view's stands in the address as such.
  set(changes, push = true) {
    const address = asked(), base = (name) => this.view?.content[name] ?? USUAL[name] ?? "";
    for (const [name, value] of Object.entries(changes)) {
      if (value === base(name)) address.delete(name); else address.set(name, value);
    }
    const href = window.location.pathname + "?" + address;
    if (href === window.location.pathname + window.location.search) return;
    window.history[push ? "pushState" : "replaceState"](window.history.state, "", href);
    this.changed(Object.keys(changes));
  }

  setList(name, list, push) { this.set({ [name]: list.length ? JSON.stringify(list) : "" }, push); }

  toggle(name, entry) {
    const list = this.list(name);
    this.setList(name, list.includes(entry) ? list.filter((one) => one !== entry) : [...list, entry]);
  }

  // One entry of a list to the place of another.
  move(name, from, to) {
    const list = this.list(name), at = list.indexOf(to), rest = list.filter((one) => one !== from);
    rest.splice(at, 0, from);
    this.setList(name, rest);
  }

  shift(name, entry, by) {
    const list = this.list(name), at = list.indexOf(entry), to = Math.min(list.length - 1, Math.max(0, at + by));
    list.splice(to, 0, ...list.splice(at, 1));
    this.setList(name, list);
  }

  // All that a view would keep: what differs from the usual.
  content() {
    return Object.fromEntries(OF_A_VIEW.map((name) => [name, this.get(name)]).filter(([name, value]) => value !== USUAL[name]));
  }

  widthOf(name) { return this.list("cols").find(([one]) => one === name)?.[1] ?? (name === "name" ? Number(this.get("namew")) || null : null); }

  setWidth(columns, name, width) {
    if (name === "name") this.set({ namew: String(width) }, false);
    else this.setList("cols", columns.map(([one, wide]) => [one, one === name ? width : wide]), false);
  }

  moveColumn(columns, from, to) {
    const list = columns.filter(([name]) => name !== from), at = columns.findIndex(([name]) => name === to);
    list.splice(at, 0, columns.find(([name]) => name === from));
    this.setList("cols", list, false);
  }
}
