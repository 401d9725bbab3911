// What the components share. Streamlit listens to the browser's history: an entry and its event open a page of the
// app without loading the app anew, and leave one entry to go back to.

// What a page reads first, for its address: the first window of a trace's tree, a sweep with its trials.
function aheadOf(href) {
  const address = new URL(href, window.location.href), parameters = address.searchParams, id = parameters.get("id");
  if (address.pathname === "/sweep" && id) return "/api/sweeps/" + encodeURIComponent(id) + "/columns";
  if (address.pathname !== "/trace" || !id) return null;
  const query = { ...(parameters.get("blind") ? { verdicts: "false" } : {}), count: 200, span: parameters.get("span") || "" };
  return "/api/traces/" + encodeURIComponent(id) + "/outline?" + new URLSearchParams(query);
}

function visit(href) {
  const ahead = aheadOf(href);  // read while the app makes the page
  if (ahead) {
    const answer = fetch(ahead, { credentials: "same-origin" });
    answer.catch(() => {});  // the page asks again and tells
    window.weftAhead = { path: ahead, answer };
  }
  window.history.pushState({}, "", href);
  window.dispatchEvent(new PopStateEvent("popstate", { state: {} }));
}

// An answer, not asked for again where it was read while the app made the page.
function fetched(path, options) {
  const ahead = window.weftAhead;
  if (ahead?.path !== path) return fetch(path, { credentials: "same-origin", ...options });
  window.weftAhead = null;
  return ahead.answer.catch(() => fetch(path, { credentials: "same-origin" }));
}

function follow(event, href) {
  if (!href || event.metaKey || event.ctrlKey || event.shiftKey || event.button === 1) return;
  event.preventDefault();
  visit(href);
}

// Whether a key is an open dialog's; one that was closed may have the focus for a moment.
const inDialog = (event) => event.composedPath().some((node) => node.tagName === "DIALOG" && node.open);

// Keys that belong to what is typed in, or to an open dialog.
function typing(event) {
  const target = event.composedPath()[0];
  return inDialog(event) || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName || "") || target.isContentEditable ||
    event.metaKey || event.ctrlKey || event.altKey;
}

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined && text !== null) node.textContent = text;
  return node;
}

// What a page shows stands in its address.
const asked = () => new URLSearchParams(window.location.search);

function addressWith(changes) {
  const parameters = asked();
  for (const [name, value] of Object.entries(changes)) value ? parameters.set(name, value) : parameters.delete(name);
  return window.location.pathname + "?" + parameters;
}

function remember(changes, push = true) {
  window.history[push ? "pushState" : "replaceState"](window.history.state, "", addressWith(changes));
}

function errorNode(error) {
  const node = element("div", "failure bad", error.message);
  node.setAttribute("role", "alert");
  return node;
}
