// What the components share. Streamlit listens to the browser's history: an entry and its event open a page of the
// app without loading the app anew, and leave one entry to go back to.
function visit(href) {
  window.history.pushState({}, "", href);
  window.dispatchEvent(new PopStateEvent("popstate", { state: {} }));
}

function follow(event, href) {
  if (!href || event.metaKey || event.ctrlKey || event.shiftKey || event.button === 1) return;
  event.preventDefault();
  visit(href);
}

function typing(event) {
  const target = event.composedPath()[0];
  return /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName || "") || target.isContentEditable ||
    event.metaKey || event.ctrlKey || event.altKey;
}

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined && text !== null) node.textContent = text;
  return node;
}

