// Files that a run kept: a list, and the chosen one to look at. What is in a file is shown as text or as a picture, and
// never runs.
const FILE_TEXT_BYTES = 1_000_000;
const FILES_LISTED = 500;
const IMAGE_FILES = /\.(png|jpe?g|gif|webp|bmp)$/i;
const PATCH_FILES = /\.(patch|diff)$/i;

const fileAddress = (project, file) => `/api/projects/${encodeURIComponent(project)}/media/${encodeURIComponent(file.digest)}`;

// A file as the API lists it, with what names it in the address.
const asFile = (file) => ({ ...file, size_bytes: plainNumber(file.size_bytes), key: file.path + (file.source ? "@" + file.source : "") });

// The beginning of a file, at most `most` bytes: {bytes, whole}.
async function readFile(project, file, most) {
  const answer = await fetch(fileAddress(project, file), { credentials: "same-origin" });
  if (!answer.ok) throw new Error(answer.status === 404 ? "The file's bytes are not stored yet, or not any more." : "The server answered " + answer.status + ".");
  const reader = answer.body.getReader(), parts = [];
  let got = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    got += value.length;
    if (got > most) { reader.cancel(); break; }
  }
  const bytes = new Uint8Array(await new Blob(parts).slice(0, most).arrayBuffer());
  return { bytes, whole: got <= most };
}

// The text of bytes; null where they are none.
function textOf(bytes, whole) {
  for (let cut = 0; cut < 4; cut++) {
    try {
      const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, bytes.length - cut));
      return text.includes("\0") ? null : text;
    } catch { if (whole) return null; }
  }
  return null;
}

async function saveFile(project, file) {
  const answer = await fetch(fileAddress(project, file), { credentials: "same-origin" });
  if (!answer.ok) throw new Error("The server answered " + answer.status + ".");
  save(file.path.split("/").at(-1), await answer.blob());
}

// A file to look at: what it is follows from its bytes and its ending.
async function fileNodes(project, file) {
  if (IMAGE_FILES.test(file.path)) {
    const picture = element("img", "file-image");
    picture.src = fileAddress(project, file);
    picture.alt = file.path;
    return [picture];
  }
  const { bytes, whole } = await readFile(project, file, FILE_TEXT_BYTES), text = textOf(bytes, whole);
  if (text === null) return [element("p", "soft", "It is neither a text nor a picture: download it to use it.")];
  const cut = whole ? [] : [element("p", "soft", `The first ${size(FILE_TEXT_BYTES)} of ${size(file.size_bytes)}.`)];
  if (!text) return [element("p", "soft", "It is empty.")];
  if (whole && PATCH_FILES.test(file.path)) return [patchNode(text)];
  if (whole && file.path.endsWith(".ipynb")) {
    const cells = notebookNode(text);
    if (cells) return [cells];
  }
  if (whole && file.path.endsWith(".json")) {
    try { return [jsonTree(parseExact(text), 3)]; } catch { /* then it is shown as a text */ }
  }
  return [numberedText(text), ...cut];
}

function numberedText(text) {
  const box = element("div", "numbered"), lines = (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
  const numbers = element("pre", "numbers", lines.map((_, at) => at + 1).join("\n"));
  numbers.setAttribute("aria-hidden", "true");
  box.append(numbers, element("pre", "file-text", lines.join("\n")));
  box.tabIndex = 0;
  return box;
}

// The cells of a notebook, in the order in which they ran; null where the text is none.
function notebookNode(text) {
  let cells = null;
  try { cells = JSON.parse(text).cells; } catch { return null; }
  if (!Array.isArray(cells)) return null;
  const box = element("div", "cells");
  for (const cell of cells) {
    const node = element("div", "cell"), source = Array.isArray(cell.source) ? cell.source.join("") : String(cell.source ?? "");
    node.append(element("span", "soft", cell.cell_type === "code" ? `[${cell.execution_count ?? " "}]` : String(cell.cell_type)), element("pre", "mono", source));
    box.append(node);
  }
  if (!cells.length) box.append(element("p", "soft", "No cell ran."));
  return box;
}

// A list of files; the chosen one stands in the address.
class FileList extends Listening {
  constructor(root, project, open) {
    super();
    this.project = project;
    this.open = open;
    this.files = [];
    this.node = element("div", "files");
    this.search = input("", "Find a file");
    this.search.type = "search";
    this.search.className = "words";
    this.search.setAttribute("aria-label", "Find a file");
    this.search.oninput = () => this.list();
    this.found = element("span", "found");
    const bar = element("div", "topbar"), panes = element("div", "file-panes");
    bar.append(this.search, this.found);
    this.side = element("div", "file-list scroll");
    this.side.setAttribute("role", "listbox");
    this.side.setAttribute("aria-label", "Files");
    this.view = element("div", "file-view");
    panes.append(this.side, this.view);
    this.node.append(bar, panes);
    root.append(this.node);
    this.on(window, "popstate", () => this.follow());
    this.on(document, "keydown", (event) => this.key(event));
  }

  update(files) {
    this.files = files;
    this.node.hidden = !files.length;
    this.list();
    this.follow();
  }

  list() {
    const text = this.search.value.trim().toLowerCase();
    this.shown = this.files.filter((file) => !text || file.path.toLowerCase().includes(text));
    const all = this.files.reduce((sum, file) => sum + file.size_bytes, 0);
    this.found.textContent = text ? `${count(this.shown.length)} of ${count(this.files.length)} files` : `${count(this.files.length)} ${this.files.length === 1 ? "file" : "files"}, ${size(all)}`;
    this.side.replaceChildren(...this.shown.slice(0, FILES_LISTED).map((file) => {
      const row = element("a", "file-row");
      row.href = addressWith({ file: file.key });
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", String(file === this.chosen));
      row.title = file.path + (file.source ? " · " + file.source : "");
      row.append(element("span", "path", file.path), element("span", "soft", (file.source ? file.source + " · " : "") + size(file.size_bytes)));
      row.onclick = (event) => { if (event.metaKey || event.ctrlKey || event.shiftKey) return; event.preventDefault(); this.choose(file); };
      return row;
    }), ...(this.shown.length > FILES_LISTED ? [element("div", "soft", `and ${count(this.shown.length - FILES_LISTED)} more: search for them`)] : []));
  }

  choose(file) {
    remember({ file: file.key });
    this.follow();
  }

  follow() {
    if (!this.node.isConnected) return;
    const wanted = asked().get("file"), file = this.files.find((one) => one.key === wanted) ?? (!wanted && (this.open || this.files.length === 1) ? this.files[0] : undefined);
    if (file && this.chosen && file.digest === this.chosen.digest && file.key === this.chosen.key) return;
    this.chosen = file;
    this.list();
    if (file) this.show(file);
    else this.view.replaceChildren(element("p", "soft", wanted ? `The run has no file ${wanted}.` : "Choose a file to look at it."));
  }

  async show(file) {
    const head = element("div", "file-head"), body = element("div");
    head.append(element("b", "", file.path), element("span", "soft", size(file.size_bytes) + (file.step === null ? "" : ` · step ${file.step}`)),
      button("Download", "", () => saveFile(this.project, file).catch((error) => body.prepend(errorNode(error))), "quiet"));
    this.view.replaceChildren(head, body);
    try {
      const nodes = await fileNodes(this.project, file);
      body.replaceChildren(...nodes);
    } catch (error) { body.replaceChildren(errorNode(error)); }
  }

  key(event) {
    if (typing(event) || !this.node.isConnected) return;
    if (event.key === "/") { this.search.focus(); event.preventDefault(); return; }
    const by = { j: 1, k: -1 }[event.key];
    if (!by || !this.shown?.length) return;
    const at = this.shown.indexOf(this.chosen), next = this.shown[Math.min(this.shown.length - 1, Math.max(0, at + by))];
    if (next && next !== this.chosen) this.choose(next);
    event.preventDefault();
    this.side.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }
}
