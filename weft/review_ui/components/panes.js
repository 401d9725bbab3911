// The edge between two panes side by side, which a pointer or the arrow keys move; where it stands is in the address.
const SHARE_LEAST = 15;
const SHARE_MOST = 80;
const shareOf = (percent) => Math.min(SHARE_MOST, Math.max(SHARE_LEAST, percent));

function splitter(root, board) {
  const split = element("div", "split");
  split.tabIndex = 0;
  split.setAttribute("role", "separator");
  split.setAttribute("aria-label", "Width of the table");
  split.onkeydown = (event) => {
    const by = { ArrowLeft: -4, ArrowRight: 4 }[event.key];
    if (by) { event.stopPropagation(); put(shareOf(Number(board.get("share")) + by)); }
  };
  const put = (share) => {
    root.style.setProperty("--share", share + "%");
    board.set({ share: String(Math.round(share)) }, false);
  };
  split.onpointerdown = (event) => {
    event.preventDefault();
    const box = split.parentElement.getBoundingClientRect(), at = (moved) => shareOf(((moved.clientX - box.left) / box.width) * 100);
    const move = (moved) => root.style.setProperty("--share", at(moved) + "%");
    const up = (end) => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
      put(at(end));
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
  };
  return split;
}

// Mounts a page of panes, once for the same data: while it is there `key(event)` hears keys first and `back()` a step in
// the browser's history; `open()`, where it has one, begins it. A redrawn page keeps it.
function pageOf(Page) {
  return ({ data, parentElement }) => {
    const root = parentElement.querySelector(".root"), known = JSON.stringify(data);
    if (!root.weft || root.weft.known !== known) {
      if (root.weft) root.weft.page.stop();
      root.weft = { known, page: new Page(root, data) };
      root.weft.page.open?.();
    }
    const { page } = root.weft, back = () => page.back();
    const key = (event) => { if (page.key(event)) { event.preventDefault(); event.stopPropagation(); } };
    document.addEventListener("keydown", key, true);
    window.addEventListener("popstate", back);
    return () => {
      document.removeEventListener("keydown", key, true);
      window.removeEventListener("popstate", back);
      window.setTimeout(() => { if (!root.isConnected && root.weft) { root.weft.page.stop(); root.weft = null; } }, 0);
    };
  };
}
