// A link that a key follows.
export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root");
  const link = element("a", "", data.label);
  link.href = data.href;
  link.onclick = (event) => follow(event, data.href);
  link.append(" ", element("kbd", "", data.key));
  root.replaceChildren(link);
  const press = (event) => {
    if (!typing(event) && event.key === data.key) follow(event, data.href);
  };
  document.addEventListener("keydown", press);
  return () => document.removeEventListener("keydown", press);
}
