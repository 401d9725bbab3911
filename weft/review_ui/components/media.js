// Images, audio and files of a span. Their bytes come from the span or from Weft's own API, never from another host, and
// are shown only as what a browser cannot run.
const SHOWN_AS = {
  "image/png": "img", "image/jpeg": "img", "image/jpg": "img", "image/gif": "img", "image/webp": "img", "image/avif": "img",
  "audio/wav": "audio", "audio/x-wav": "audio", "audio/wave": "audio", "audio/mpeg": "audio", "audio/mp3": "audio",
  "audio/ogg": "audio", "audio/webm": "audio", "audio/flac": "audio", "audio/aac": "audio", "audio/mp4": "audio",
  "video/mp4": "video", "video/webm": "video",
};
const DIGEST = /^[0-9a-f]{64}$/;

function fromBase64(text) {
  try {
    return Uint8Array.from(atob(text.replace(/\s+/g, "").replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  } catch { return null; }
}

function dataUrl(text) {
  const match = /^data:([^;,]*)((?:;[^;,]*)*?)(;base64)?,([\s\S]*)$/.exec(text);
  if (!match) return null;
  if (match[3]) return { mime: match[1], bytes: fromBase64(match[4]) };
  try { return { mime: match[1], bytes: new TextEncoder().encode(decodeURIComponent(match[4])) }; } catch { return null; }
}

// A reference to a blob of the project, wherever in a part it stands: {"_weft": "media", "digest", "media_type"}.
function referenceIn(value, depth = 0) {
  if (!value || typeof value !== "object" || depth > 4) return null;
  if (value._weft === "media" && typeof value.digest === "string" && DIGEST.test(value.digest)) {
    const words = [value.media_type, value.name].map((word) => (typeof word === "string" ? word : ""));
    return { mime: words[0], name: words[1], digest: value.digest };
  }
  if (Array.isArray(value)) return null;
  for (const inner of Object.values(value)) {
    const found = referenceIn(inner, depth + 1);
    if (found) return found;
  }
  return null;
}

const oneText = (...values) => values.find((value) => typeof value === "string" && value) || "";

// What of a part is media: {mime, name, bytes} or {mime, name, digest} or {mime, name, elsewhere}; null where it is none.
function mediaOf(part) {
  if (typeof part === "string") return /^data:(image|audio|video)\//.test(part) ? { name: "", ...dataUrl(part) } : null;
  if (!part || typeof part !== "object" || Array.isArray(part)) return null;
  const kept = referenceIn(part);
  if (kept) return kept;
  const inner = (name) => (part[name] && typeof part[name] === "object" ? part[name] : {});
  const source = inner("source"), file = inner("file"), audio = part.input_audio ? inner("input_audio") : inner("audio");
  const mime = oneText(part.mime_type, part.media_type, source.media_type, audio.data && "audio/" + oneText(audio.format, "wav"), part.modality === "image" && "image/png");
  const name = oneText(part.filename, file.filename, part.name);
  const url = oneText(inner("image_url").url, part.image_url, part.uri, part.url, source.url, file.file_data);
  if (url) {
    const inside = dataUrl(url);
    return inside ? { name, ...inside } : { mime, name, elsewhere: url };
  }
  const holds = ["blob", "image", "document", "audio"].includes(part.type) || audio.data || source.data;
  const data = holds ? oneText(audio.data, source.data, part.data, part.content) : "";
  if (!data) return null;
  const inside = dataUrl(data);
  return inside ? { name, ...inside } : { mime, name, bytes: fromBase64(data) };
}

// The media as nodes. `context` has the project whose blobs are meant and takes the functions that free the memory.
function mediaNode(media, context) {
  const box = element("figure", "media");
  const what = [media.name, media.mime || "file"].filter(Boolean).join(", ");
  if (media.elsewhere) {
    box.append(element("figcaption", "", what + " at another place, not loaded from here: "), textBlock(media.elsewhere, "text"));
    return box;
  }
  const show = (bytes) => {
    if (!bytes) { box.append(element("figcaption", "", what + ": the bytes cannot be read")); return; }
    const tag = SHOWN_AS[media.mime.toLowerCase()];
    const url = URL.createObjectURL(new Blob([bytes], { type: tag ? media.mime : "application/octet-stream" }));
    context.frees.push(() => URL.revokeObjectURL(url));
    if (tag) {
      const node = element(tag);
      if (tag === "img") { node.alt = what; node.loading = "lazy"; } else node.controls = true;
      node.src = url;
      node.onerror = () => node.replaceWith(element("span", "null", "This browser cannot show it."));
      box.append(node);
    }
    const caption = element("figcaption", "", what + ", " + size(bytes.length) + " ");
    const link = element("a", "", "Save");
    link.href = url;
    link.download = media.name || "weft-media";
    caption.append(link);
    box.append(caption);
  };
  if (media.bytes !== undefined) show(media.bytes);
  else {
    fetch("/api/projects/" + encodeURIComponent(context.project) + "/blobs/" + media.digest, { credentials: "same-origin" })
      .then(async (answer) => show(answer.ok ? new Uint8Array(await answer.arrayBuffer()) : null), () => show(null));
  }
  return box;
}
