// The code of a run: the commit, what was not committed as a patch, saved files, cells of a notebook, packages.
const CHANGES = "changes.patch";
const OF_CODE = /^(code\/|requirements\.txt$|notebook\.ipynb$)/;

class RunCode extends Listening {
  constructor(root, data) {
    super();
    this.run = parseExact(data.run);
    this.root = root;
    this.problem = element("div");
    this.commit = element("div");
    this.patch = element("div");
    this.saved = element("div");
    root.append(this.problem, this.commit, this.patch, this.saved);
    this.on(window, RUN_NEWS, (event) => { if (event.detail.run_id === this.run.run_id) { this.run = event.detail; this.showCommit(); this.load(); } });
    this.showCommit();
    this.load();
  }

  stop() { super.stop(); this.list?.stop(); }

  showCommit() {
    const { git = {}, environment: e = {} } = this.run, code = (text) => element("code", "", text);
    const command = Array.isArray(e.command) ? e.command.join(" ") : null;
    const page = webPage(git);
    const rows = factsTable([
      ["Commit", git.commit && [page ? outside(String(git.commit), page) : code(String(git.commit)), " ", copyButton(String(git.commit))]],
      ["Branch", git.branch],
      ["Repository", git.remote],
      ["Folder", [git.root, git.prefix].filter(Boolean).join("/")],
      ["State", git.commit && (git.dirty ? element("span", "warm", "◆ with changes that were not committed") : "clean: the commit is what ran")],
      ["Command", command && [code(command), " ", copyButton(command)]],
      ["Program", e.program],
    ]);
    this.commit.replaceChildren(...(rows.rows.length ? [rows] : []));
  }

  async load() {
    try {
      const files = (await ask(runPath(this.run.run_id, "/files"))).map(asFile), { git = {} } = this.run;
      const changes = files.find((file) => file.path === CHANGES), others = files.filter((file) => OF_CODE.test(file.path));
      const mark = JSON.stringify([changes, others]);
      if (this.mark === mark) return;
      this.mark = mark;
      this.problem.replaceChildren();
      if (changes) await this.showPatch(changes);
      else if (git.patch && git.patch.cut) this.patch.replaceChildren(element("h2", "", "Changes since the commit"), element("p", "soft", "They were too large to keep: " + (git.patch.files || []).slice(0, 20).join(", ")));
      if (others.length) {
        if (!this.list) {
          this.saved.append(element("h2", "", "Code and packages"));
          this.list = new FileList(this.saved, this.run.project, false);
        }
        this.list.update(others);
      }
      if (!changes && !others.length && !git.commit) this.problem.append(emptyNode("No code is known of this run: it was started outside of a git repository.", "run.log_code()                  # the program's files, or\n# WEFT_SAVE_CODE=1 python train.py"));
    } catch (error) { this.problem.replaceChildren(errorNode(error)); }
  }

  async showPatch(file) {
    const { bytes, whole } = await readFile(this.run.project, file, 16 * FILE_TEXT_BYTES), text = textOf(bytes, whole);
    const save = button("Download the patch", "git apply --binary takes it", () => saveFile(this.run.project, file).catch((error) => this.problem.replaceChildren(errorNode(error))), "quiet");
    const head = element("div", "titled");
    head.append(element("h2", "", "Changes since the commit"), save);
    this.patch.replaceChildren(head, text === null ? element("p", "soft", "The patch is no text.") : patchNode(text));
  }
}

// Where the commit stands on the web, for hosts whose addresses are known.
function webPage(git) {
  const found = /^(?:https:\/\/|git@|ssh:\/\/git@)(github\.com|gitlab\.com|codeberg\.org)[:/]([\w.-]+(?:\/[\w.-]+)+?)$/.exec((git.remote || "").replace(/\/$/, "").replace(/\.git$/, ""));
  return found && /^[0-9a-f]{40,64}$/.test(git.commit || "") ? `https://${found[1]}/${found[2]}/commit/${git.commit}` : null;
}

function outside(text, href) {
  const link = element("a", "", text);
  link.href = href;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  return link;
}

export default mountOf(RunCode);
