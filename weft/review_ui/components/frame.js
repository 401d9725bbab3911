// What belongs to the whole page: the list of its keys, ids that a click copies, links inside of text.
const EVERYWHERE = { "?": "this list", "/": "search", esc: "close, or go back up" };

function keysDialog(pairs) {
  const dialog = element("dialog");
  dialog.setAttribute("aria-label", "Keys of this page");
  dialog.tabIndex = -1;  // it has the focus while it is open, so that keys reach it and not the page below
  dialog.append(element("h2", "", "Keys"));
  const list = element("dl");
  for (const [key, meaning] of Object.entries({ ...pairs, ...EVERYWHERE })) {
    list.append(element("dt", "", key), element("dd", "", meaning));
  }
  dialog.append(list);
  dialog.onclick = () => dialog.close();
  return dialog;
}

function copied(node) {
  navigator.clipboard.writeText(node.textContent).then(() => {
    node.classList.add("w-copied");
    window.setTimeout(() => node.classList.remove("w-copied"), 1200);
  });
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root");
  const dialog = keysDialog(data.keys);
  const hint = element("button", "hint");
  hint.append(element("kbd", "", "?"), " Keys");
  hint.onclick = () => dialog.showModal();
  root.replaceChildren(hint, dialog);

  function key(event) {
    if (event.key === "Escape" && /^(INPUT|TEXTAREA)$/.test(event.composedPath()[0].tagName || "")) {
      event.composedPath()[0].blur();
      return;
    }
    if (typing(event) && !dialog.open) return;
    if (event.key === "?") dialog.open ? dialog.close() : dialog.showModal();
    else if (dialog.open) {
      if (event.key !== "Escape") return;
      dialog.close();  // the page below may have taken the key from the browser, which would close it
    } else if (event.key === "/") {
      const search = document.querySelector('[data-testid="stMainBlockContainer"] input[type="text"]');
      if (search) search.focus();
    } else if (event.key === "Escape" && data.back && !dialog.open &&
        !document.querySelector('[role="listbox"], [role="dialog"]')) visit(data.back);
    else return;
    event.preventDefault();
  }

  function click(event) {
    const origin = event.composedPath()[0];
    const id = origin.closest && origin.closest("button.w-id");
    const link = origin.closest && origin.closest('[data-testid="stHtml"] a[href^="/"]:not(.w-leave, [download])');
    if (id) copied(id);
    else if (link) follow(event, link.getAttribute("href"));
  }

  document.addEventListener("keydown", key);
  document.addEventListener("click", click);
  return () => {
    document.removeEventListener("keydown", key);
    document.removeEventListener("click", click);
  };
}
