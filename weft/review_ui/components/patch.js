// A patch as git writes it, file by file: what was, what is, with the numbers of lines on both sides.
const PATCH_FILES_OPEN = 20;
const PATCH_ROWS = 1500;

// [{path, note, added, removed, rows: [kind, old number, new number, text]}]; kind is " ", "-", "+" or "@".
function readPatch(text) {
  const files = [];
  let file = null, left = 0, right = 0, inHunk = false, restLeft = 0, restRight = 0;
  for (const line of (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n")) {
    if (line.startsWith("diff --git ") && restLeft <= 0 && restRight <= 0) {
      const named = /^diff --git "?a\/(.*?)"? "?b\/(.*?)"?$/.exec(line);
      file = { path: named ? named[2] : line.slice(11), note: "", added: 0, removed: 0, rows: [] };
      files.push(file);
      inHunk = false;
      continue;
    }
    const hunk = restLeft <= 0 && restRight <= 0 && /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(.*)$/.exec(line);
    if (hunk) {
      if (!file) { file = { path: "changes", note: "", added: 0, removed: 0, rows: [] }; files.push(file); }
      [left, right] = [Number(hunk[1]), Number(hunk[3])];
      [restLeft, restRight] = [Number(hunk[2] ?? 1), Number(hunk[4] ?? 1)];
      inHunk = true;
      file.rows.push(["@", null, null, line]);
      continue;
    }
    if (!file) continue;
    if (!inHunk) {
      if (line.startsWith("new file")) file.note = "new";
      else if (line.startsWith("deleted file")) file.note = "deleted";
      else if (line.startsWith("rename from ")) file.note = "renamed from " + line.slice(12);
      else if (line.startsWith("GIT binary patch") || line.startsWith("Binary files")) file.note = [file.note, "binary"].filter(Boolean).join(", ");
      continue;
    }
    if (line.startsWith("\\")) file.rows.push(["@", null, null, line]);
    else if (line.startsWith("+")) { file.rows.push(["+", null, right++, line.slice(1)]); file.added++; restRight--; }
    else if (line.startsWith("-")) { file.rows.push(["-", left++, null, line.slice(1)]); file.removed++; restLeft--; }
    else { file.rows.push([" ", left++, right++, line.slice(1)]); restLeft--; restRight--; }
  }
  return files;
}

function patchNode(text) {
  const files = readPatch(text), box = element("div", "patch");
  const added = files.reduce((sum, file) => sum + file.added, 0), removed = files.reduce((sum, file) => sum + file.removed, 0);
  const head = element("div", "buttons");
  head.append(element("span", "", `${count(files.length)} ${files.length === 1 ? "file" : "files"} changed, `), element("span", "good", "+" + count(added)), element("span", "bad", "−" + count(removed)), copyButton(text));
  box.append(head, ...files.map((file, at) => patchFile(file, at < PATCH_FILES_OPEN)));
  return box;
}

function patchFile(file, open) {
  const node = element("details", "patch-file"), head = element("summary"), body = element("div", "diff-rows");
  head.append(element("span", "path", file.path), " ", element("span", "soft", file.note), " ", element("span", "good", "+" + file.added), " ", element("span", "bad", "−" + file.removed));
  node.append(head, body);
  const fill = () => {
    if (!node.open || body.hasChildNodes()) return;
    if (!file.rows.length) body.append(element("div", "soft none", file.note.includes("binary") ? "Binary: nothing to read." : "No line changed."));
    const put = (rows) => body.append(...rows.map(patchRow));
    put(file.rows.slice(0, PATCH_ROWS));
    if (file.rows.length > PATCH_ROWS) {
      const more = button(`Show ${count(file.rows.length - PATCH_ROWS)} more lines`, "", () => { more.remove(); put(file.rows.slice(PATCH_ROWS)); }, "more");
      body.append(more);
    }
  };
  node.addEventListener("toggle", fill);
  node.open = open;
  fill();
  return node;
}

function patchRow([kind, left, right, text]) {
  const node = element("div", "diff-row " + ({ "+": "come", "-": "gone", "@": "hunk" }[kind] || ""));
  node.append(element("span", "at", left === null ? "" : String(left)), element("span", "at", right === null ? "" : String(right)), element("span", "sign", kind === "@" ? "" : kind), element("span", "diff-text", text));
  return node;
}
