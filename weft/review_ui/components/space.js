// Points and models in space on a plain canvas, turned by dragging or with the arrow keys.
const MOST_DOTS = 120000;
const MOST_FACES = 40000;

function spaceValue(item, context) {
  return later(item, context, (bytes, host) => {
    let shape;
    try { shape = shapeOf(bytes, item); } catch (error) { host.append(element("span", "null", "It cannot be drawn: " + error.message + " "), saveLink(bytes, item, context)); return; }
    const canvas = element("canvas", "space");
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${shape.faces ? count(shape.faces.length / 3) + " faces" : count(shape.points.length / 3) + " points"}; arrow keys turn it`);
    host.append(canvas, element("span", "soft", shape.note), saveLink(bytes, item, context, " Save"));
    turning(canvas, shape);
  });
}

function shapeOf(bytes, item) {
  const kind = String(item.media_type);
  const shape = item.columns ? cloud(bytes, item) : kind === "model/stl" ? stl(bytes) : kind === "model/obj" ? obj(new TextDecoder().decode(bytes)) : gltf(bytes);
  const { points } = shape;
  if (!points.length) throw new Error("there is nothing in it");
  const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
  for (let at = 0; at < points.length; at++) { low[at % 3] = Math.min(low[at % 3], points[at]); high[at % 3] = Math.max(high[at % 3], points[at]); }
  shape.middle = low.map((one, at) => (one + high[at]) / 2);
  shape.reach = Math.max(...low.map((one, at) => high[at] - one)) / 2 || 1;
  shape.note = shape.note || "";
  return shape;
}

function cloud(bytes, item) {
  const all = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2), wide = item.columns, total = Math.floor(all.length / wide), every = Math.max(1, Math.ceil(total / MOST_DOTS));
  const points = [], colours = [];
  for (let at = 0; at < total; at += every) {
    const row = all.subarray(at * wide, (at + 1) * wide);
    points.push(row[0], row[1], row[2]);
    colours.push(wide === 6 ? `rgb(${row[3] | 0} ${row[4] | 0} ${row[5] | 0})` : wide === 4 ? OVERLAYS[Math.abs(row[3] | 0) % 7] : null);
  }
  return { points, colours, boxes: item.boxes || [], note: every > 1 ? `every ${every}th of ${count(total)} points` : count(total) + " points" };
}

function stl(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), points = [], faces = [];
  if (bytes.length >= 84 && bytes.length >= 84 + 50 * view.getUint32(80, true)) {
    const total = view.getUint32(80, true), every = Math.max(1, Math.ceil(total / MOST_FACES));
    for (let at = 0; at < total; at += every) for (let corner = 0; corner < 3; corner++) {
      for (let axis = 0; axis < 3; axis++) points.push(view.getFloat32(84 + 50 * at + 12 + 12 * corner + 4 * axis, true));
      faces.push(faces.length);
    }
    return { points, faces };
  }
  for (const match of new TextDecoder().decode(bytes).matchAll(/vertex\s+(\S+)\s+(\S+)\s+(\S+)/g)) { points.push(+match[1], +match[2], +match[3]); faces.push(faces.length); }
  return { points, faces: faces.slice(0, faces.length - (faces.length % 3)) };
}

function obj(text) {
  const points = [], faces = [];
  for (const line of text.split("\n")) {
    const words = line.trim().split(/\s+/);
    if (words[0] === "v") points.push(+words[1], +words[2], +words[3]);
    else if (words[0] === "f") {
      const corners = words.slice(1).map((word) => { const at = parseInt(word, 10); return at < 0 ? points.length / 3 + at : at - 1; });
      for (let at = 2; at < corners.length && faces.length < MOST_FACES * 3; at++) faces.push(corners[0], corners[at - 1], corners[at]);
    }
  }
  return { points, faces: faces.length ? faces : null };
}

const TURNED = { 5121: Uint8Array, 5123: Uint16Array, 5125: Uint32Array };

function gltf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let json, inside = null;
  if (view.byteLength > 20 && view.getUint32(0, true) === 0x46546c67) {
    const length = view.getUint32(12, true);
    json = JSON.parse(new TextDecoder().decode(bytes.subarray(20, 20 + length)));
    inside = bytes.slice(28 + length);
  } else json = JSON.parse(new TextDecoder().decode(bytes));
  const buffers = (json.buffers || []).map((buffer) => (buffer.uri ? dataUrl(buffer.uri)?.bytes : inside));
  const part = (index, type, wide) => {
    const accessor = json.accessors[index], of = json.bufferViews[accessor.bufferView], data = buffers[of.buffer];
    if (!data) throw new Error("its bytes are in another file");
    const start = (of.byteOffset || 0) + (accessor.byteOffset || 0), stride = of.byteStride;
    if (!stride || stride === wide * type.BYTES_PER_ELEMENT) return new type(data.slice(start, start + accessor.count * wide * type.BYTES_PER_ELEMENT).buffer);
    const out = new type(accessor.count * wide);
    for (let at = 0; at < accessor.count; at++) out.set(new type(data.slice(start + at * stride, start + at * stride + wide * type.BYTES_PER_ELEMENT).buffer), at * wide);
    return out;
  };
  const points = [], faces = [];
  for (const node of json.nodes || []) {
    const move = node.translation || [0, 0, 0], scale = node.scale || [1, 1, 1];
    for (const primitive of (json.meshes || [])[node.mesh]?.primitives || []) {
      const corners = part(primitive.attributes.POSITION, Float32Array, 3), first = points.length / 3;
      for (let at = 0; at < corners.length; at++) points.push(corners[at] * scale[at % 3] + move[at % 3]);
      const order = primitive.indices === undefined ? Uint32Array.from({ length: corners.length / 3 }, (_, at) => at) : part(primitive.indices, TURNED[json.accessors[primitive.indices].componentType], 1);
      for (let at = 0; at + 2 < order.length && faces.length < MOST_FACES * 3; at += 3) faces.push(first + order[at], first + order[at + 1], first + order[at + 2]);
    }
  }
  return { points, faces };
}

function turning(canvas, shape) {
  let yaw = 0.6, pitch = 0.4, zoom = 1, from = null, waiting = 0;
  const draw = () => {
    waiting = 0;
    if (!canvas.isConnected) return;
    const ratio = window.devicePixelRatio || 1, wide = canvas.clientWidth, tall = canvas.clientHeight, pen = canvas.getContext("2d"), ink = inkOf(canvas);
    canvas.width = wide * ratio; canvas.height = tall * ratio;
    pen.scale(ratio, ratio);
    const [sy, cy, sp, cp] = [Math.sin(yaw), Math.cos(yaw), Math.sin(pitch), Math.cos(pitch)], scale = (Math.min(wide, tall) / 2.4 / shape.reach) * zoom, { middle } = shape;
    const place = (x, y, z) => {
      const [a, b, c] = [x - middle[0], y - middle[1], z - middle[2]], across = cy * a + sy * c, deep = -sy * a + cy * c;
      return [wide / 2 + across * scale, tall / 2 - (cp * b - sp * deep) * scale, sp * b + cp * deep];
    };
    shape.faces ? drawFaces(pen, shape, place, ink) : drawPoints(pen, shape, place, ink);
    pen.strokeStyle = ink.ink;
    for (const box of shape.boxes || []) {
      const corners = box.corners.map((corner) => place(...corner));
      pen.beginPath();
      for (let a = 0; a < 8; a++) for (let b = a + 1; b < 8; b++) {
        const same = [0, 1, 2].filter((axis) => Math.abs(box.corners[a][axis] - box.corners[b][axis]) < 1e-9).length;
        if (same >= 2) { pen.moveTo(corners[a][0], corners[a][1]); pen.lineTo(corners[b][0], corners[b][1]); }
      }
      pen.stroke();
      pen.fillStyle = ink.ink;
      if (box.label) pen.fillText(box.label, corners[0][0], corners[0][1]);
    }
  };
  const soon = () => { waiting = waiting || window.requestAnimationFrame(draw); };
  canvas.onpointerdown = (event) => { from = [event.clientX, event.clientY]; canvas.setPointerCapture(event.pointerId); };
  canvas.onpointermove = (event) => {
    if (!from) return;
    yaw += (event.clientX - from[0]) / 120; pitch += (event.clientY - from[1]) / 120;
    from = [event.clientX, event.clientY];
    soon();
  };
  canvas.onpointerup = canvas.onpointercancel = () => { from = null; };
  canvas.onkeydown = (event) => {
    const turn = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] }[event.key];
    if (turn) { yaw += turn[0]; pitch += turn[1]; } else if (event.key === "+" || event.key === "-") zoom *= event.key === "+" ? 1.15 : 1 / 1.15; else return;
    event.preventDefault();
    soon();
  };
  new ResizeObserver(soon).observe(canvas);
}

function drawPoints(pen, shape, place, ink) {
  const many = shape.points.length / 3 > 5000 ? 1.5 : 3;
  let last = null;
  for (let at = 0; at < shape.points.length; at += 3) {
    const [x, y] = place(shape.points[at], shape.points[at + 1], shape.points[at + 2]), colour = shape.colours?.[at / 3] || ink.ink;
    if (colour !== last) { pen.fillStyle = colour; last = colour; }
    pen.fillRect(x, y, many, many);
  }
}

function drawFaces(pen, shape, place, ink) {
  const { points: all, faces: order } = shape, placed = [];
  for (let at = 0; at < all.length; at += 3) placed.push(place(all[at], all[at + 1], all[at + 2]));
  const list = [];
  for (let at = 0; at + 2 < order.length; at += 3) {
    const [a, b, c] = [placed[order[at]], placed[order[at + 1]], placed[order[at + 2]]];
    if (!a || !b || !c) continue;
    const area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]), size_ = Math.hypot(b[0] - a[0], b[1] - a[1]) * Math.hypot(c[0] - a[0], c[1] - a[1]) || 1;
    list.push([a[2] + b[2] + c[2], a, b, c, Math.min(1, Math.abs(area) / size_)]);
  }
  list.sort((one, other) => other[0] - one[0]);
  for (const [, a, b, c, light] of list) {
    pen.fillStyle = mixed(OVERLAYS[1], ink.paper, 0.35 + 0.6 * light);
    pen.beginPath(); pen.moveTo(a[0], a[1]); pen.lineTo(b[0], b[1]); pen.lineTo(c[0], c[1]); pen.closePath(); pen.fill();
  }
}
