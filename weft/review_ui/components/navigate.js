// What the components share. Streamlit listens to the browser's history: an entry and its event open a page of the
// app without loading the app anew, and leave one entry to go back to.

// Where the first window of a trace's tree is read, for the address of its page.
function outlineOf(href) {
  const address = new URL(href, window.location.href), parameters = address.searchParams;
  if (address.pathname !== "/trace" || !parameters.get("id")) return null;
  const query = { ...(parameters.get("blind") ? { verdicts: "false" } : {}), count: 200, span: parameters.get("span") || "" };
  return "/api/traces/" + encodeURIComponent(parameters.get("id")) + "/outline?" + new URLSearchParams(query);
}

function visit(href) {
  const ahead = outlineOf(href);  // read while the app makes the page
  if (ahead) {
    const answer = fetch(ahead, { credentials: "same-origin" });
    answer.catch(() => {});  // the page asks again and tells
    window.weftAhead = { path: ahead, answer };
  }
  window.history.pushState({}, "", href);
  window.dispatchEvent(new PopStateEvent("popstate", { state: {} }));
}

function follow(event, href) {
  if (!href || event.metaKey || event.ctrlKey || event.shiftKey || event.button === 1) return;
  event.preventDefault();
  visit(href);
}

// Keys that belong to what is typed in, or to an open dialog.
function typing(event) {
  const target = event.composedPath()[0];
  return event.composedPath().some((node) => node.tagName === "DIALOG") || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName || "") || target.isContentEditable ||
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
