// What runs log besides numbers, as nodes. Bytes come from Weft's own API; HTML is shown in a frame without script or
// access to anything, SVG is only ever saved.
const OVERLAYS = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7"];
const FRAME_RULES = "default-src 'none'; img-src data:; media-src data:; font-src data:; style-src 'unsafe-inline'";

const blobPath = (project, digest) => "/api/projects/" + encodeURIComponent(project) + "/blobs/" + digest;

async function bytesOf(project, item) {
  if (!DIGEST.test(item.digest || "")) throw new Error("It names no bytes.");
  const answer = await fetch(blobPath(project, item.digest), { credentials: "same-origin" });
  if (!answer.ok) throw new Error(item.kept === false ? "Its bytes were not kept (WEFT_MEDIA=0)." : "Its bytes are not here.");
  return new Uint8Array(await answer.arrayBuffer());
}

// A value as a node. `context`: the project, and `frees`, functions that free what the node holds.
function valueNode(item, context) {
  const box = element("figure", "value value-" + (/^[a-z0-9]+$/.test(item.kind || "") ? item.kind : "other"));
  const made = (VALUES[item.kind] || (item.digest ? fileValue : plainValue))(item, context);
  box.append(made);
  if (typeof item.caption === "string" && item.caption) box.append(element("figcaption", "", item.caption));
  return box;
}

// Something that is there once its bytes are.
function later(item, context, build) {
  const host = element("div", "later");
  bytesOf(context.project, item).then((bytes) => build(bytes, host)).catch((error) => host.replaceChildren(element("span", "null", error.message)));
  return host;
}

function objectUrl(bytes, type, context) {
  const url = URL.createObjectURL(new Blob([bytes], { type }));
  context.frees.push(() => URL.revokeObjectURL(url));
  return url;
}

function saveLink(bytes, item, context, text) {
  const link = element("a", "", text || "Save");
  link.href = objectUrl(bytes, "application/octet-stream", context);
  link.download = item.name || "weft-" + (item.kind || "file");
  return link;
}

function imageValue(item, context) {
  return later(item, context, (bytes, host) => {
    const mime = String(item.media_type).toLowerCase(), frame = element("div", "picture"), image = element("img");
    if (SHOWN_AS[mime] !== "img") { host.append(saveLink(bytes, item, context)); return; }
    image.alt = item.caption || item.name || "image";
    image.src = objectUrl(bytes, mime, context);
    image.onload = () => { if (image.naturalWidth < 200) image.classList.add("tiny"); };
    image.onerror = () => frame.replaceChildren(element("span", "null", "This browser cannot show it."));
    frame.append(image);
    host.append(frame);
    overlays(item, frame, host, context);
  });
}

// Boxes and masks over an image, switched on and off by class, boxes by score as well.
function overlays(item, frame, host, context) {
  const classes = new Map(), off = new Set(), shown = [];
  const colour = (name) => { if (!classes.has(name)) classes.set(name, OVERLAYS[classes.size % OVERLAYS.length]); return classes.get(name); };
  let least = 0, scored = false;
  for (const [group, boxes] of Object.entries(item.boxes || {})) for (const box of boxes) {
    const [x0, y0, x1, y1] = box.corners, name = box.class || group, node = element("div", "box");
    const score = Math.max(...Object.values(box.scores || {}), -Infinity), words = [box.class, box.caption, Number.isFinite(score) ? number(score) : ""];
    scored = scored || Number.isFinite(score);
    Object.assign(node.style, { left: x0 * 100 + "%", top: y0 * 100 + "%", width: (x1 - x0) * 100 + "%", height: (y1 - y0) * 100 + "%", borderColor: colour(name) });
    const label = element("span", "", words.filter(Boolean).join(" ") || group);
    label.style.background = colour(name);
    node.title = group + ": " + label.textContent + Object.entries(box.scores || {}).map(([key, value]) => `\n${key} ${value}`).join("");
    node.append(label);
    frame.append(node);
    shown.push(() => { node.hidden = off.has(name) || (Number.isFinite(score) && score < least); });
  }
  for (const [group, mask] of Object.entries(item.masks || {})) {
    const canvas = element("canvas", "mask"), names = mask.classes || {};
    frame.append(canvas);
    for (const name of Object.values(names)) colour(name);
    bytesOf(context.project, mask).then((bytes) => createImageBitmap(new Blob([bytes], { type: "image/png" }))).then((bitmap) => {
      canvas.width = bitmap.width; canvas.height = bitmap.height;
      const pen = canvas.getContext("2d", { willReadFrequently: true });
      pen.drawImage(bitmap, 0, 0);
      const ids = pen.getImageData(0, 0, canvas.width, canvas.height).data.filter((_, at) => at % 4 === 0);
      const draw = () => {
        const out = pen.createImageData(canvas.width, canvas.height);
        for (let at = 0; at < ids.length; at++) {
          if (!ids[at] && !names[0]) continue;
          const name = names[ids[at]] || group + " " + ids[at];
          if (off.has(name)) continue;
          const tint = colour(name);
          out.data.set([1, 3, 5].map((start) => parseInt(tint.slice(start, start + 2), 16)).concat(120), at * 4);
        }
        pen.putImageData(out, 0, 0);
      };
      shown.push(draw);
      draw();
    }).catch(() => canvas.remove());
  }
  if (!classes.size) return;
  const legend = element("div", "overlay-legend"), follow = () => shown.forEach((one) => one());
  for (const [name, tint] of classes) {
    const mark = button(name, "Show or hide", () => { off.has(name) ? off.delete(name) : off.add(name); mark.setAttribute("aria-pressed", String(!off.has(name))); follow(); }, "class-mark");
    mark.style.setProperty("--tint", tint);
    mark.setAttribute("aria-pressed", "true");
    legend.append(mark);
  }
  if (scored) {
    const slide = input("0", "", "range");
    Object.assign(slide, { min: "0", max: "1", step: "0.01" });
    slide.setAttribute("aria-label", "Least score of boxes");
    const told = element("label", "soft least", "score ≥ 0");
    slide.oninput = () => { least = Number(slide.value); told.firstChild.data = "score ≥ " + least; follow(); };
    told.append(" ", slide);
    legend.append(told);
  }
  host.append(legend);
}

function playedValue(item, context) {
  return later(item, context, (bytes, host) => {
    const mime = String(item.media_type).toLowerCase(), tag = SHOWN_AS[mime];
    if (!tag) { host.append(saveLink(bytes, item, context)); return; }
    const node = element(tag);
    if (tag !== "img") node.controls = true; else node.alt = item.caption || "moving picture";
    node.src = objectUrl(bytes, mime, context);
    host.append(node);
    if (item.sample_rate) host.append(element("span", "soft", ` ${(item.sample_rate / 1000).toLocaleString()} kHz`));
  });
}

function htmlValue(item, context) {
  return later(item, context, (bytes, host) => {
    const frame = element("iframe", "page-frame");
    frame.setAttribute("sandbox", "");
    frame.setAttribute("referrerpolicy", "no-referrer");
    frame.title = item.caption || "HTML that the run logged, without script";
    frame.srcdoc = `<meta http-equiv="Content-Security-Policy" content="${FRAME_RULES}">` + new TextDecoder().decode(bytes);
    host.append(frame, saveLink(bytes, { name: "page.html" }, context, "Save the HTML"));
  });
}

function textValue(item, context) {
  if (typeof item.text === "string") return textBlock(item.text, "said");
  return later(item, context, (bytes, host) => host.append(textBlock(new TextDecoder().decode(bytes), "said")));
}

function figureValue(item, context) {
  if (item.media_type === PLOTLY) return plotlyFigure(item, context);
  const host = imageValue(item, context);
  if (item.svg && DIGEST.test(item.svg.digest || "")) {
    const link = button("Save as SVG", "", async () => save("figure.svg", new Blob([await bytesOf(context.project, item.svg)])), "quiet");
    host.append(link);
  }
  return host;
}

function histogramValue(item) {
  const canvas = element("canvas", "small-chart"), bins = item.bins || item.counts.map((_, at) => item.low + ((item.high - item.low) * at) / item.counts.length).concat(item.high);
  const widths = item.counts.map((_, at) => bins[at + 1] - bins[at] || 1), tall = item.counts.map((one, at) => (item.bins ? one / widths[at] : one));
  paint(canvas, (chart) => chart.bars(tall.map((height, at) => [bins[at], bins[at + 1], height])));
  canvas.title = `${count(item.counts.reduce((a, b) => a + b, 0))} values from ${number(bins[0])} to ${number(bins[bins.length - 1])}`;
  return canvas;
}

function fileValue(item, context) {
  const host = element("div"), link = button(`Save ${item.name || "file"}${item.size_bytes ? ", " + size(item.size_bytes) : ""}`, "", async () => {
    try { save(item.name || "weft-file", new Blob([await bytesOf(context.project, item)])); } catch (error) { host.replaceChildren(errorNode(error)); }
  }, "quiet");
  host.append(link);
  return host;
}

const plainValue = (item) => jsonTree(item);

const VALUES = {
  image: imageValue, audio: playedValue, video: playedValue, html: htmlValue, text: textValue, figure: figureValue, histogram: histogramValue,
  object3d: (item, context) => spaceValue(item, context), plot: (item, context) => plotValue(item, context), file: fileValue,
  table: (item) => element("span", "soft", `a table of ${count(item.rows)} rows`),
};
