// The files that a run kept: those saved by hand, the captured ones, and files among its logged values.
class RunFiles extends Listening {
  constructor(root, data) {
    super();
    this.data = data;
    this.run = parseExact(data.run);
    this.root = root;
    this.problem = element("div");
    root.append(this.problem);
    this.list = new FileList(root, this.run.project, false);
    this.on(window, RUN_NEWS, (event) => { if (event.detail.run_id === this.run.run_id) { this.run = event.detail; this.load(); } });
    this.load();
  }

  stop() { super.stop(); this.list.stop(); }

  async load() {
    try {
      const files = await ask(runPath(this.run.run_id, "/files"));
      this.problem.replaceChildren();
      if (!files.length) this.problem.append(emptyNode("This run kept no files.", 'run.save("checkpoints/*.json")   # kept when it is called, and again at the end of the run\nrun.log_code(".")               # the program\'s files'));
      this.list.update(files.map(asFile));
    } catch (error) { this.problem.replaceChildren(errorNode(error)); }
  }
}

export default mountOf(RunFiles);
