// A chat as chat, whichever dialect it is in: roles, texts, reasoning folded, tool calls with their results, media.

// The messages of a value, or null where it is no chat: {messages, rest} with what stands beside them.
function chatOf(value) {
  if (!value || typeof value !== "object" || value instanceof Exact) return null;
  if (!Array.isArray(value)) {
    for (const name of ["messages", "choices", "input", "output"]) {
      if (!Array.isArray(value[name])) continue;
      const inner = chatOf(value[name]);
      if (!inner) continue;
      const rest = Object.fromEntries(Object.entries(value).filter(([key]) => key !== name));
      return { messages: inner.messages, rest: Object.keys(rest).length ? rest : null };
    }
    if (value.message && typeof value.message === "object") return chatOf([value.message]);
    value = [value];
  }
  if (!value.length) return null;
  const messages = [];
  for (let item of value) {
    if (item && typeof item === "object" && item.message && typeof item.message === "object") item = item.message;
    if (!item || typeof item !== "object") return null;
    if (typeof item.role === "string") messages.push(item);
    else if (["function_call", "reasoning", "function_call_output"].includes(item.type)) {
      messages.push({ role: item.type === "function_call_output" ? "tool" : "assistant", content: [item] });
    } else return null;
  }
  return { messages, rest: null };
}

function partsOf(message) {
  const parts = [];
  for (const name of ["reasoning_content", "reasoning", "thinking"]) {
    if (typeof message[name] === "string" && message[name]) parts.push({ type: "reasoning", content: message[name] });
  }
  const content = message.parts !== undefined ? message.parts : message.content;
  const result = message.role === "tool" || message.role === "function";
  for (const part of Array.isArray(content) ? content : [content]) {
    if (part === null || part === undefined || part === "") continue;
    parts.push(result && typeof part === "string"
      ? { type: "tool_result", content: part, id: message.tool_call_id, name: message.name } : part);
  }
  if (Array.isArray(message.tool_calls)) parts.push(...message.tool_calls);
  if (message.function_call && typeof message.function_call === "object") parts.push(message.function_call);
  if (typeof message.refusal === "string" && message.refusal) parts.push({ type: "refusal", content: message.refusal });
  return parts;
}

const firstText = (...values) => values.find((value) => typeof value === "string");

function parsed(value) {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
  try { return parseExact(value); } catch { return value; }
}

function toolNode(kind, name, id, value) {
  const box = element("div", "tool " + kind);
  const head = element("div", "label");
  head.append(element("span", "mark", kind === "call" ? "→ " : "← "), element("b", "", name || (kind === "call" ? "tool" : "result")));
  if (id) head.append(" ", element("span", "id", id));
  box.append(head);
  const inner = parsed(value);
  if (inner !== undefined && inner !== null && inner !== "") {
    box.append(typeof inner === "object" && !(inner instanceof Exact) ? jsonTree(inner) : textBlock(written(inner)));
  }
  return box;
}

function reasoningNode(text) {
  const node = element("details", "reasoning");
  node.append(element("summary", "", "Reasoning, " + count(text.length) + " characters"), textBlock(text));
  return node;
}

function partNode(part, context) {
  if (typeof part === "string") {
    const media = mediaOf(part);
    return media ? mediaNode(media, context) : textBlock(part);
  }
  if (!part || typeof part !== "object" || part instanceof Exact) return jsonTree(part);
  const call = part.function && typeof part.function === "object" ? part.function : part;
  if (typeof call.name === "string" && (call.arguments !== undefined || part.type === "tool_use" || part.type === "tool_call")) {
    return toolNode("call", call.name, part.id || part.call_id, call.arguments !== undefined ? call.arguments : part.input);
  }
  if (["tool_call_response", "tool_result", "function_call_output", "function_response"].includes(part.type)) {
    const value = [part.response, part.result, part.content, part.output].find((item) => item !== undefined);
    const texts = Array.isArray(value) && value.every((item) => item && item.type === "text") ? value.map((item) => firstText(item.text, item.content)).join("\n") : value;
    return toolNode("result", part.name, part.id || part.call_id || part.tool_use_id, texts);
  }
  if (["reasoning", "thinking", "redacted_thinking"].includes(part.type)) {
    const said = [part.summary, part.content].find(Array.isArray);
    const text = said ? said.map((item) => firstText(item, item && item.text) || "").join("\n") : firstText(part.content, part.thinking, part.text, part.data);
    return reasoningNode(text || "");
  }
  const media = mediaOf(part);
  if (media) return mediaNode(media, context);
  const text = firstText(part.text, part.content, part.refusal);
  if (text !== undefined && (!part.type || /text|refusal/.test(part.type))) {
    const node = textBlock(text);
    if (part.type === "refusal") node.classList.add("refusal");
    return node;
  }
  return jsonTree(part);
}

function chatNode(messages, context) {
  const box = element("div", "chat");
  const names = new Map();  // a tool's result says which call it answers, not which tool that was
  for (const message of messages) {
    const row = element("div", "message " + (["assistant", "system", "user", "tool"].includes(message.role) ? message.role : ""));
    const parts = partsOf(message);
    row.append(element("div", "label", message.role + (typeof message.name === "string" && message.role !== "tool" ? " · " + message.name : "")));
    for (const part of parts) {
      const call = part && typeof part === "object" ? part.function || part : {};
      const id = part && typeof part === "object" && (part.id || part.call_id || part.tool_use_id);
      if (typeof call.name === "string" && id) names.set(id, call.name);
      const known = id && part.type && !call.name && names.get(id);
      row.append(partNode(known ? { ...part, name: known } : part, context));
    }
    if (!parts.length) row.append(element("div", "null", "said nothing"));
    const ended = message.finish_reason;
    if (typeof ended === "string" && ended && !["stop", "end_turn", "tool_calls", "tool_call"].includes(ended)) row.append(element("div", "label", "ended: " + ended));
    box.append(row);
  }
  return box;
}

// Media anywhere in a value that is no chat: at most a few, each with the way to it.
function mediaIn(value, path = [], found = []) {
  if (found.length >= 12 || path.length > 6 || value instanceof Exact) return found;
  const media = mediaOf(value);
  if (media && !media.elsewhere) { found.push([path.join("."), media]); return found; }
  if (value && typeof value === "object") {
    for (const [name, item] of Object.entries(value).slice(0, 200)) mediaIn(item, [...path, name], found);
  }
  return found;
}

// An input or an output as one reads it: a chat as chat, a text as text, all else as JSON that unfolds.
function contentNode(value, context) {
  if (value === null || value === undefined) return [element("div", "null", MISSING)];
  const chat = chatOf(value);
  if (chat) {
    const nodes = [chatNode(chat.messages, context)];
    if (chat.rest) nodes.push(element("div", "label", "beside the messages"), jsonTree(chat.rest, 1));
    return nodes;
  }
  const keys = typeof value === "object" && !Array.isArray(value) && !(value instanceof Exact) ? Object.keys(value) : [];
  if (typeof value === "string" && !mediaOf(value)) return [textBlock(value, "said block")];
  if (keys.length === 1 && typeof value[keys[0]] === "string" && !mediaOf(value[keys[0]])) {
    return [element("div", "label", keys[0]), textBlock(value[keys[0]], "said block")];
  }
  const nodes = mediaIn(value).map(([, media]) => mediaNode(media, context));
  if (typeof value !== "string") nodes.push(jsonTree(value));
  return nodes;
}
