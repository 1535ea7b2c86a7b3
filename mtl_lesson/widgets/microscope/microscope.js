// The λ microscope and the lesion lab in the browser. Python sends every number once (`facts` in words, `data` as bytes);
// what moves is drawn from them, with no kernel. Text from data only ever becomes textContent or an attribute.

const INK = "#222222", GREY = "#6E6E6E", PALE = "#D8D8D8", BLUE = "#0072B2";
const GLIDE = 250; // milliseconds that the points take from one frame to the next
const NEAR = 16;   // pixels within which the pointer finds a point
const NAMED = 5;   // groups that a selection names; the rest are counted together
const MANY = 10;   // units that the buttons of the lab remove

// --- small tools -----------------------------------------------------------------------------------------------------

const QUIET = { "data-lm-suppress-shortcuts": "true" }; // or JupyterLab takes what is typed here for its own commands
function html(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  const all = /^(input|select|button|canvas)$/.test(tag) ? { ...QUIET, ...attributes } : attributes;
  for (const [name, value] of Object.entries(all)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter(child => child !== null));
  return node;
}
const range = n => [...Array(n).keys()];
const sum = values => values.reduce((a, b) => a + b, 0);
const cut = (text, most) => text.length > most ? text.slice(0, most - 1).trimEnd() + "…" : text;
const thousands = count => String(count).replace(/\B(?=(\d{3})+$)/g, ",");

/** As Python rounds: to even where a number lies exactly between two. */
function fixed(value, digits) {
  let text = value.toFixed(digits);
  if (/^50*$/.test(value.toFixed(digits + 30).split(".")[1].slice(digits)) && /[13579]$/.test(text.replace(".", "")))
    text = (Number(text) - Math.sign(value) * 10 ** -digits).toFixed(digits);
  return text;
}
/** A measured number as the course's figures write it (show/style.py: rounded). */
export function rounded(value, unit = "") {
  if (!Number.isFinite(value)) return "unknown";
  value *= unit === "%" ? 100 : 1;
  const size = Math.abs(value), digits = unit === "%" || size >= 100 ? 0 : size >= 10 ? 1 : 2;
  let text = fixed(value, digits);
  if (size > 0 && size < 0.005 && unit !== "%") text = size >= 0.001 ? fixed(value, 3) : value.toExponential(0);
  if (Number(text) === 0) text = text.replace("-", "");
  const [whole, rest] = text.split(".");
  text = whole.replace(/\B(?=(\d{3})+$)/g, ",") + (rest === undefined ? "" : "." + rest);
  return text.replaceAll("-", "−") + (unit ? " " + unit : "");
}
const about = (value, unit) => Number.isFinite(value) ? "≈ " + rounded(value, unit) : "unknown";

/** The arrays that Python's `pack` put into one run of bytes. */
function unpack(view, where) {
  const kinds = { Int16Array, Int32Array, Float32Array }, bytes = view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
  return Object.fromEntries(Object.entries(where).map(([name, [kind, first, count]]) => [name, new kinds[kind](bytes, first, count)]));
}

/** Traces a mark of radius r around (x, y). */
function trace(pen, shape, x, y, r) {
  pen.beginPath();
  if (shape === "circle") return pen.arc(x, y, r, 0, 7);
  const [corners, turn, size] = { square: [4, 0.5, 1.2], triangle: [3, 0, 1.25], diamond: [4, 0, 1.25] }[shape];
  for (const k of range(corners)) {
    const angle = 2 * Math.PI * (k + turn) / corners;
    pen.lineTo(x + size * r * Math.sin(angle), y - size * r * Math.cos(angle));
  }
  pen.closePath();
}
/** A mark on a small canvas. */
function stamp({ colour, shape, hollow }, r, ratio, faint) {
  const side = Math.ceil((2.7 * r + 3) * ratio), canvas = html("canvas", { width: side, height: side });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.scale(ratio, ratio);
  trace(pen, shape, side / ratio / 2, side / ratio / 2, r);
  pen.fillStyle = hollow ? "#fff" : faint ? PALE : colour;
  pen.strokeStyle = hollow ? colour : "#fff";
  pen.lineWidth = hollow ? 1.8 : 0.6;
  pen.fill();
  pen.stroke();
  return canvas;
}

const stamped = (...given) => {
  const canvas = stamp(...given);
  return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
};

// --- points on a canvas ----------------------------------------------------------------------------------------------

/** Points that can be pointed at and lassoed. `acts`: hover(row or −1, place), pick(row or −1), lasso(rows).
 *  `points`: x and y of each in the units of `box` (left, right, low, high). `look`: which of `marks` each has.
 *  `bright`: 1 for those that stand out, null if all do. `under`: draws what lies below them. */
class Scatter {
  constructor(acts, { square = true, radius = 3, room = [12, 12, 12, 12] } = {}) {
    Object.assign(this, { acts, square, radius, room, trail: [], points: [], look: [], marks: [], bright: null, ring: -1, under: null });
    this.canvas = html("canvas", { role: "img" });
    this.pen = this.canvas.getContext("2d", { willReadFrequently: true });
    const on = (name, act) => this.canvas.addEventListener(name, event => act(event, this.place(event)));
    on("pointerdown", (event, here) => {
      if (event.button) return;
      this.canvas.setPointerCapture(event.pointerId);
      this.trail = [here];
    });
    on("pointermove", (_, here) => {
      if (!this.trail.length) return acts.hover(this.nearest(here), here);
      if (Math.hypot(here[0] - this.trail.at(-1)[0], here[1] - this.trail.at(-1)[1]) < 3) return;
      this.trail.push(here);
      acts.hover(-1);
      this.draw();
    });
    on("pointerup", (_, here) => {
      const trail = this.trail;
      this.trail = [];
      if (trail.length) trail.length < 4 ? acts.pick(this.nearest(here)) : acts.lasso(this.inside(trail));
      this.draw();
    });
    on("pointercancel", () => { this.trail = []; this.draw(); });
    on("pointerleave", () => acts.hover(-1));
  }
  get count() { return this.points.length / 2; }
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left - this.canvas.clientLeft, event.clientY - box.top - this.canvas.clientTop];
  }
  show(change) {
    if (change.marks && change.marks !== this.marks) this.stamps = null;
    Object.assign(this, change);
  }
  measure() { // what a unit of the data is in pixels, on a canvas as large as its room
    const { canvas, room: [top, right, bottom, left], box: [x0, x1, y0, y1] } = this, ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight, size = [width, height].map(side => Math.round(side * ratio));
    if (canvas.width !== size[0] || canvas.height !== size[1] || this.ratio !== ratio) {
      [canvas.width, canvas.height] = size;
      this.layer = size[0] && size[1] ? new ImageData(...size) : null;
      this.stamps = null;
    }
    let kx = (width - left - right) / (x1 - x0 || 1), ky = (height - top - bottom) / (y1 - y0 || 1);
    if (this.square) kx = ky = Math.min(kx, ky);
    const middle = [(left + width - right) / 2, (top + height - bottom) / 2];
    Object.assign(this, { ratio, width, height, kx, ky, cx: middle[0] - kx * (x0 + x1) / 2, cy: middle[1] + ky * (y0 + y1) / 2 });
    return width > 0 && height > 0;
  }
  x(value) { return this.cx + this.kx * value; }
  y(value) { return this.cy - this.ky * value; }
  draw() {
    if (!this.measure()) return;
    const { pen, ratio, points } = this;
    this.dot();
    pen.putImageData(this.layer, 0, 0);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.globalCompositeOperation = "destination-over";
    if (this.under) this.under(pen, this);
    pen.globalCompositeOperation = "source-over";
    pen.strokeStyle = INK;
    if (this.ring >= 0) {
      pen.lineWidth = 2;
      trace(pen, "circle", this.x(points[2 * this.ring]), this.y(points[2 * this.ring + 1]), this.radius + 4);
      pen.stroke();
    }
    if (this.trail.length > 1) {
      pen.lineWidth = 1.5;
      pen.beginPath();
      for (const [x, y] of this.trail) pen.lineTo(x, y);
      pen.fillStyle = "rgba(86, 180, 233, 0.15)";
      pen.fill();
      pen.stroke();
    }
  }
  /** Writes the marks of all points into the layer, pixel by pixel: five times as quick as drawImage for each. */
  dot() {
    const { layer, ratio, points, look, bright, cx, cy, kx, ky, count } = this, { width, height } = layer;
    const target = new Uint32Array(layer.data.buffer);
    this.stamps ??= [false, true].map(faint => this.marks.map(mark => {
      const { width: side, data } = stamped(mark, this.radius, ratio, faint), pixels = new Uint32Array(data.buffer);
      const filled = range(side * side).filter(k => pixels[k] >>> 24);
      return { side, colours: Uint32Array.from(filled, k => pixels[k]), offsets: Int32Array.from(filled, k => Math.floor(k / side) * width + k % side) };
    }));
    target.fill(0);
    for (const faint of bright ? [1, 0] : [0]) { // those that stand out lie on top
      const stamps = this.stamps[faint];
      for (let i = 0; i < count; i++) {
        if (bright && bright[i] === faint) continue;
        const { side, colours, offsets } = stamps[look[i]];
        const x = Math.round((cx + kx * points[2 * i]) * ratio - side / 2), y = Math.round((cy - ky * points[2 * i + 1]) * ratio - side / 2);
        if (x < 0 || y < 0 || x + side > width || y + side > height) continue; // on a canvas too small for any mark
        const corner = y * width + x;
        for (let k = 0; k < colours.length; k++) // an edge is soft on paper and hard on another mark
          if (colours[k] >>> 24 > 127 || !target[corner + offsets[k]]) target[corner + offsets[k]] = colours[k];
      }
    }
  }
  nearest([x, y]) {
    let best = -1, least = NEAR ** 2;
    for (let i = 0; i < this.count; i++) {
      const far = (this.x(this.points[2 * i]) - x) ** 2 + (this.y(this.points[2 * i + 1]) - y) ** 2;
      if (far < least) [best, least] = [i, far];
    }
    return best;
  }
  inside(trail) { // a ray from the point crosses the line an odd number of times
    return range(this.count).filter(i => {
      const x = this.x(this.points[2 * i]), y = this.y(this.points[2 * i + 1]);
      let odd = false;
      trail.forEach(([x1, y1], k) => {
        const [x0, y0] = trail.at(k - 1);
        if ((y0 > y) !== (y1 > y) && x < x0 + (x1 - x0) * (y - y0) / (y1 - y0)) odd = !odd;
      });
      return odd;
    });
  }
}

// --- what both widgets have --------------------------------------------------------------------------------------------

class Panel {
  constructor(model, el, title, heard) {
    Object.assign(this, { model, facts: model.get("facts") });
    this.data = unpack(model.get("data"), this.facts.where);
    this.status = html("p", { class: "mtl-status mtl-unseen", role: "status", "aria-live": "polite" });
    this.trouble = html("p", { class: "mtl-trouble", role: "alert" });
    this.card = html("div", { class: "mtl-card", hidden: true, "aria-hidden": "true" });
    this.root = html("div", { class: "mtl-scope", role: "group", "aria-label": title });
    this.root.append(...this.build(), this.trouble, html("p", { class: "mtl-small mtl-notes" }, this.facts.caption));
    this.root.addEventListener("keydown", this.safely(event => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.clear();
    }));
    el.append(this.root);
    this.heard = heard.map(name => [`change:${name}`, this.safely(() => this.later())]);
    for (const [name, act] of this.heard) model.on(name, act);
    this.resized = new ResizeObserver(this.safely(() => {
      if (this.root.clientWidth && this.root.clientWidth !== this.drawnWidth) this.maps.forEach(map => map.draw());
      this.drawnWidth = this.root.clientWidth;
    }));
    this.resized.observe(this.root);
    this.safely(() => this.draw())();
  }
  close() {
    this.resized.disconnect();
    for (const [name, act] of this.heard) this.model.off(name, act);
  }
  /** `act` as a callback whose error is shown in its place: otherwise nobody would see it. */
  safely(act) {
    return (...given) => {
      try {
        return act(...given);
      } catch (error) {
        console.error(error);
        this.trouble.textContent = `That did not work (${error.message}).`;
      }
    };
  }
  set(name, value) { // nothing is drawn here: the model answers with change:…
    this.trouble.textContent = "";
    this.model.set(name, value);
    this.model.save_changes();
  }
  later() { // at most one drawing a frame, of the latest state
    this.waiting ??= requestAnimationFrame(() => { this.waiting = null; this.safely(() => this.draw())(); });
  }
  scatter(acts, options) {
    return new Scatter(Object.fromEntries(Object.entries(acts).map(([name, act]) => [name, this.safely(act)])), options);
  }
  button(words, act, name = "") { return html("button", { type: "button", class: name, onclick: this.safely(act) }, words); }
  select(name, values, chosen, choose) {
    return html("label", {}, `${name} `, html("select", { "aria-label": name, onchange: this.safely(event => choose(event.target.selectedIndex)) },
      values.map((value, i) => html("option", { selected: i === chosen }, cut(value, 40)))));
  }
  /** A button with a mark for each group, pressed where all of the group is chosen. */
  legend(groups, toggle) {
    return groups.map(({ mark, name, rows, chosen }) => {
      const all = rows.length > 0 && rows.every(row => chosen.has(row)), key = stamp(mark, 5, 2, false);
      key.setAttribute("aria-hidden", "true");
      key.style.width = `${key.width / 2}px`;
      return html("button", { type: "button", "aria-pressed": String(all), disabled: !rows.length, title: name, onclick: this.safely(() => toggle(rows, all)) },
        key, html("span", {}, cut(name, 24)), html("b", {}, thousands(rows.length)));
    });
  }
  /** Renews the buttons of a group without losing the one that has the focus. */
  renew(box, nodes) {
    const at = [...box.children].indexOf(document.activeElement);
    box.replaceChildren(...nodes);
    if (at >= 0) box.children[at]?.focus();
  }
  tell(map, place, ...content) { // in a card beside the pointer
    this.card.hidden = !content.length;
    if (!content.length) return;
    this.card.replaceChildren(...content);
    const room = this.card.parentNode.getBoundingClientRect(), box = map.canvas.getBoundingClientRect();
    const x = box.left - room.left + place[0], y = box.top - room.top + place[1];
    this.card.style.left = `${Math.max(0, x + this.card.offsetWidth + 18 > room.width ? x - this.card.offsetWidth - 14 : x + 14)}px`;
    this.card.style.top = `${Math.max(0, Math.min(y + 10, room.height - this.card.offsetHeight))}px`;
  }
}

// --- the λ microscope --------------------------------------------------------------------------------------------------

class Microscope extends Panel {
  constructor(model, el) {
    const [one, two] = model.get("facts").tasks;
    super(model, el, `microscope: ${one.name} and ${two.name}`, ["at", "selected"]);
    const sprite = model.get("sprite");
    if (this.facts.sprite) createImageBitmap(new Blob([sprite], { type: "image/jpeg" })).then(image => { this.pictures = image; });
  }
  build() {
    const { tasks, frames, colours, axis, n, box, step } = this.facts, { colour } = this.model.get("at");
    this.row = new Map([...this.data.numbers].map((number, row) => [number, row]));
    this.now = new Float32Array(4 * n); // where the points are drawn: n pairs for one task and n for the other
    this.maps = tasks.map((_, t) => {
      const map = this.scatter({
        hover: (row, place) => this.hover(map, row, place), pick: row => this.choose(row < 0 ? [] : [row]), lasso: rows => this.choose(rows),
      }, { radius: n > 3000 ? 2.2 : 3 });
      map.show({ box, points: this.now.subarray(2 * n * t, 2 * n * (t + 1)) });
      return map;
    });
    this.coordinates = frame => Float32Array.from(this.data.points.subarray(4 * n * frame, 4 * n * (frame + 1)), value => value * step);
    this.slider = html("input", { type: "range", min: 0, max: frames.length - 1, step: 1, "aria-label": axis || "model", disabled: frames.length < 2,
      oninput: this.safely(() => this.set("at", { ...this.model.get("at"), frame: Number(this.slider.value) })) });
    this.big = html("output", { class: "mtl-letter" });
    this.note = html("span", { class: "mtl-small mtl-between" });
    this.readout = html("ul", { class: "mtl-readout" });
    this.groups = html("div", { class: "mtl-legend", role: "group", "aria-label": "groups" });
    this.chosen = html("p", { class: "mtl-chosen" });
    const byColour = colours.length ? this.select("colour by", colours.map(one => one.name), colour, i => this.set("at", { ...this.model.get("at"), colour: i })) : null;
    const bar = html("div", { class: "mtl-bar" }, this.big, this.slider, this.note);
    const figures = this.maps.map((map, t) => html("figure", {}, html("figcaption", {}, html("i", { style: `background:${tasks[t].colour}` }), "features of ",
      html("strong", {}, cut(tasks[t].name, 30))), map.canvas));
    const side = html("div", { class: "mtl-side" }, byColour, this.groups, this.chosen, this.button("Clear the selection", () => this.clear(), "mtl-clear"));
    return [bar, this.readout, html("div", { class: "mtl-maps" }, figures, side, this.card), this.status];
  }
  clear() { this.choose([]); }
  choose(rows) { this.set("selected", rows.map(row => this.data.numbers[row]).sort((a, b) => a - b)); }
  draw() {
    const { frame, colour } = this.model.get("at"), { frames, colours, tasks, n, split } = this.facts, shown = frames[frame];
    const rows = this.model.get("selected").map(number => this.row.get(number)), chosen = new Set(rows);
    const look = colour === null ? new Int16Array(n) : this.data.labels.subarray(colour * n, (colour + 1) * n);
    const bright = rows.length ? Uint8Array.from({ length: n }, (_, row) => Number(chosen.has(row))) : null;
    this.plain ??= [{ colour: BLUE, shape: "circle" }];
    for (const map of this.maps) map.show({ look, bright, marks: colour === null ? this.plain : colours[colour].groups });
    const selection = this.counted(rows, colour === null ? null : colours[colour].groups, look), text = `${shown.text}. ${selection}`;
    this.slider.value = frame;
    this.slider.setAttribute("aria-valuetext", shown.label);
    this.big.textContent = shown.label;
    this.readout.replaceChildren(...shown.read.map(([name, value, beside]) => html("li", {}, `${name} `, html("b", {}, value), ` ${beside}`)));
    this.chosen.textContent = selection;
    if (this.status.textContent !== text) this.status.textContent = text;
    this.maps.forEach((map, t) => map.canvas.setAttribute("aria-label", `Map of the features of ${tasks[t].name}: ${thousands(n)} ${split} pictures`
      + `${colour === null ? "" : `, coloured by ${colours[colour].name}`}. ${text}.`));
    if (colour !== null) this.renew(this.groups, this.legend(colours[colour].groups.map((mark, k) =>
      ({ mark, name: mark.name, chosen, rows: range(n).filter(row => look[row] === k) })).filter(({ rows }, k) => k < colours[colour].groups.length - 1 || rows.length),
      (own, all) => this.choose(all ? rows.filter(row => !own.includes(row)) : [...new Set([...rows, ...own])])));
    if (frame === this.frame) return this.maps.forEach(map => map.draw());
    this.glide(frame, this.frame === undefined);
  }
  /** How many are selected, and of which groups: the same words as Python's, in `selection`. */
  counted(rows, groups, look) {
    if (!rows.length) return "nothing selected";
    const start = `${thousands(rows.length)} picture${rows.length > 1 ? "s" : ""}`;
    if (!groups) return start;
    const counts = groups.map(() => 0), last = groups.length - 1;
    for (const row of rows) counts[look[row]] += 1;
    const order = [last, ...range(last)].filter(k => counts[k]).sort((a, b) => counts[b] - counts[a]);
    const rest = sum(order.slice(NAMED).map(k => counts[k]));
    return `${start}: ${[...order.slice(0, NAMED).map(k => `${groups[k].name} ${thousands(counts[k])}`), ...rest ? [`others ${thousands(rest)}`] : []].join(", ")}`;
  }
  /** From where the points are drawn to a frame; what is drawn on the way is interpolated, and the note says so. */
  glide(frame, atOnce) {
    cancelAnimationFrame(this.gliding);
    const from = this.now.slice(), goal = this.coordinates(frame), start = performance.now(), calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.frame = frame;
    const go = this.safely(time => {
      const t = atOnce || calm ? 1 : Math.min(1, Math.max(0, (time - start) / GLIDE)), eased = t * t * (3 - 2 * t);
      for (let i = 0; i < goal.length; i++) this.now[i] = from[i] + (goal[i] - from[i]) * eased;
      this.note.textContent = t < 1 ? "interpolated" : "";
      this.maps.forEach(map => map.draw());
      if (t < 1) this.gliding = requestAnimationFrame(go);
    });
    go(start);
  }
  hover(map, row, place) {
    if (row !== this.maps[0].ring) this.maps.forEach(one => { one.ring = row; one.draw(); });
    if (row < 0) return this.tell(map);
    const { colours, n, sprite } = this.facts, lines = colours.map(({ name, groups }, k) => html("div", {}, `${name}: `, html("b", {}, groups[this.data.labels[k * n + row]].name)));
    const parts = [html("div", {}, html("div", { class: "mtl-small" }, `picture ${this.data.numbers[row]}`), lines)];
    if (this.pictures) {
      const { cell, width, height, columns } = sprite, side = 84, picture = html("canvas", { width: side, height: Math.round(side * height / width) }), pen = picture.getContext("2d");
      pen.imageSmoothingEnabled = false;
      pen.drawImage(this.pictures, row % columns * cell, Math.floor(row / columns) * cell, width, height, 0, 0, picture.width, picture.height);
      parts.unshift(picture);
    }
    this.tell(map, place, ...parts);
  }
}

// --- the lesion lab ------------------------------------------------------------------------------------------------------

class Lab extends Panel {
  constructor(model, el) { super(model, el, "lesion lab", ["pair", "removed"]); }
  build() {
    this.map = this.scatter({ hover: (unit, place) => this.hover(unit, place), pick: unit => unit >= 0 && this.toggle([unit]), lasso: units => this.remove(units) },
      { square: false, radius: 5, room: [14, 16, 44, 74] });
    this.maps = [this.map];
    this.map.canvas.tabIndex = 0;
    this.map.canvas.addEventListener("keydown", this.safely(event => this.key(event)));
    this.map.canvas.addEventListener("blur", () => this.point(-1));
    this.map.under = pen => this.axes(pen);
    this.cache = new Map();
    this.pickers = html("div", { class: "mtl-bar" });
    this.groups = html("div", { class: "mtl-legend", role: "group", "aria-label": "quadrants: press to remove" });
    this.buttons = html("div", { class: "mtl-bar" });
    this.told = html("p", { class: "mtl-unit mtl-small", role: "status", "aria-live": "polite" });
    this.table = html("div", { class: "mtl-strips" });
    this.most = Math.min(MANY, this.facts.d);
    this.gone = html("strong", {});
    const side = html("div", { class: "mtl-side mtl-wide" }, this.groups, this.buttons, this.gone, this.table,
      html("p", { class: "mtl-small" }, "● now   │ all units in place   ▬ as many units at random: mean and range of 20"));
    return [this.pickers, html("div", { class: "mtl-maps mtl-lab" }, html("figure", {}, this.map.canvas, this.told), side, this.card), this.status];
  }
  get pair() { return this.model.get("pair"); }
  get removed() { return this.model.get("removed"); }
  clear() { this.set("removed", []); }
  remove(units) { this.set("removed", [...new Set([...this.removed, ...units])].sort((a, b) => a - b)); }
  restore(units) { this.set("removed", this.removed.filter(unit => !units.includes(unit))); }
  toggle(units) { units.every(unit => this.removed.includes(unit)) ? this.restore(units) : this.remove(units); }

  // what the numbers say

  rise(t, unit) { return this.data.rise[t * this.facts.d + unit]; }
  error(t, unit) { return this.data.error[t * this.facts.d + unit]; }
  /** A task's loss and score without some units: z' = z − Σ_u (h_u − μ_u) w_u. */
  without(t, units) {
    const { n, d } = this.facts, { features, loss } = this.facts.tasks[t], k = this.data[`w${t}`].length / d;
    const [h, step, mean] = ["h", "step", "mean"].map(name => this.data[name + features]), [w, z, y] = ["w", "z", "y"].map(name => this.data[name + t]);
    const answer = new Float64Array(k);
    let losses = 0, merits = 0, count = 0;
    for (let i = 0; i < n; i++) {
      if (Number.isNaN(y[i])) continue;
      for (let j = 0; j < k; j++) answer[j] = z[i * k + j];
      for (const u of units) {
        const away = h[i * d + u] * step[u] - mean[u];
        for (let j = 0; j < k; j++) answer[j] -= away * w[j * d + u];
      }
      const [one, merit] = judged(loss, answer, y[i]);
      losses += one;
      merits += merit;
      count += 1;
    }
    return { loss: losses / count, score: merits / count };
  }
  /** The same for as many units at random: mean, lowest and highest of the 20 groups. */
  atRandom(t, count) {
    const { d } = this.facts, key = `${t} ${count}`;
    if (!this.cache.has(key)) {
      const found = range(this.data.orders.length / d).map(g => this.without(t, this.data.orders.subarray(g * d, g * d + count)));
      this.cache.set(key, Object.fromEntries(["loss", "score"].map(what => {
        const values = found.map(one => one[what]);
        return [what, { mean: sum(values) / values.length, low: Math.min(...values), high: Math.max(...values) }];
      })));
    }
    return this.cache.get(key);
  }
  /** 0 for a unit that counts for the first task only, 1 for the second only, 2 for both and 3 for neither. */
  quadrant(unit) {
    const [one, other] = this.pair.map(t => this.rise(t, unit) > this.facts.certain * this.error(t, unit));
    return one ? (other ? 2 : 0) : other ? 1 : 3;
  }

  // drawing

  draw() {
    const { tasks, d, stretch } = this.facts, { pair, removed } = this, units = range(d), gone = new Set(removed), names = pair.map(t => tasks[t].name);
    const bend = value => Math.asinh(value / stretch), kinds = units.map(unit => this.quadrant(unit));
    const kind = [[`${names[0]} only`, tasks[pair[0]].colour, "square"], [`${names[1]} only`, tasks[pair[1]].colour, "triangle"], ["both", INK, "circle"], ["idle", GREY, "diamond"]]
      .map(([name, colour, shape]) => ({ name, colour, shape }));
    if (String(pair) !== this.drawnPair) {
      this.drawnPair = String(pair);
      this.marks = [...kind, ...kind.map(mark => ({ ...mark, hollow: true }))];
      const ends = pair.map(t => units.flatMap(unit => [-1, 1].map(side => bend(this.rise(t, unit) + side * this.error(t, unit)))));
      const [x, y] = ends.map(values => [Math.min(-1, ...values), Math.max(1, ...values)]);
      this.map.show({ box: [...x, ...y], points: Float32Array.from(units.flatMap(unit => pair.map(t => bend(this.rise(t, unit))))) });
      const others = side => tasks.map((_, t) => t).filter(t => t !== pair[1 - side]);
      this.renew(this.pickers, ["across", "upwards"].map((name, side) => this.select(`task ${name}`, others(side).map(t => tasks[t].name), others(side).indexOf(pair[side]),
        i => this.set("pair", pair.map((old, other) => other === side ? others(side)[i] : old)))));
      this.buttons.replaceChildren(...pair.map((t, side) => this.button(`${this.most} most important for ${cut(names[side], 20)}`,
        () => this.remove([...units].sort((a, b) => this.rise(t, b) - this.rise(t, a)).slice(0, this.most)), "mtl-most")), this.button("Restore all", () => this.clear(), "mtl-restore"));
    }
    this.map.show({ marks: this.marks, look: Int16Array.from(units, unit => kinds[unit] + (gone.has(unit) ? 4 : 0)) });
    this.map.draw();
    this.renew(this.groups, this.legend(kind.map((mark, k) => ({ mark, name: mark.name, chosen: gone, rows: units.filter(unit => kinds[unit] === k) })),
      (own, all) => all ? this.restore(own) : this.remove(own)));
    const found = pair.map(t => ({ task: tasks[t], now: this.without(t, removed), intact: this.without(t, []), chance: removed.length ? this.atRandom(t, removed.length) : null }));
    this.table.replaceChildren(...found.flatMap(one => [this.strip(one, "loss", "loss", ""), this.strip(one, "score", one.task.score, one.task.unit)]));
    const said = found.map(({ task, now, intact, chance }) => `${task.name} loss ${about(now.loss)}${chance ? ` (intact ${about(intact.loss)}, as many at random ${about(chance.loss.mean)})` : ""}`
      + `, ${task.score} ${about(now.score, task.unit)}${chance ? ` (intact ${about(intact.score, task.unit)})` : ""}`);
    this.gone.textContent = removed.length ? `${removed.length} of ${d} units removed` : `all ${d} units in place`;
    const text = `${this.gone.textContent}: ${said.join("; ")}`;
    if (this.status.textContent !== text) this.status.textContent = text;
    const counts = kind.map((mark, k) => `${mark.name} ${kinds.filter(one => one === k).length}`).join(", ");
    this.map.canvas.setAttribute("aria-label", `${d} units by the rise of the loss of ${names[0]} (across) and of ${names[1]} (upwards) without each: ${counts}. ${text}. `
      + "Arrow keys go from unit to unit, Enter removes one or puts it back.");
  }
  /** A number line: with all units, now, and with as many removed at random. */
  strip({ task, now, intact, chance }, what, name, unit) {
    const all = [now[what], intact[what], ...chance ? [chance[what].high] : []], top = unit === "%" ? 1 : 1.1 * Math.max(...all, 1.4 * intact[what]);
    const at = value => `${100 * Math.min(1, Math.max(0, value / top))}%`, mark = (kind, style) => html("i", { class: `mtl-${kind}`, style });
    const marks = [mark("intact", `left:${at(intact[what])}`), mark("now", `left:${at(now[what])};background:${task.colour}`)];
    if (chance) marks.unshift(mark("random", `left:${at(chance[what].low)};right:calc(100% - ${at(chance[what].high)})`), mark("mean", `left:${at(chance[what].mean)}`));
    const words = chance ? ` intact ${about(intact[what], unit)}, at random ${about(chance[what].mean, unit)} (${rounded(chance[what].low, unit)} to ${rounded(chance[what].high, unit)})` : "";
    return html("div", { class: "mtl-strip", "data-task": task.name, "data-what": what, "data-now": now[what], "data-random": chance ? chance[what].mean : "" },
      html("div", {}, html("span", {}, `${cut(task.name, 20)} ${name} `), html("b", {}, about(now[what], unit)), html("span", { class: "mtl-small" }, words)),
      html("div", { class: "mtl-track", "aria-hidden": "true" }, marks));
  }
  axes(pen) { // stretched near 0: most rises are small
    const { map } = this, { stretch, tasks } = this.facts, [x0, x1, y0, y1] = map.box, bend = value => Math.asinh(value / stretch);
    const [left, right, top, bottom] = [74, map.width - 16, 14, map.height - 44], names = this.pair.map(t => cut(tasks[t].name, 24));
    const least = Math.floor(Math.log10(stretch)), powers = range(9).map(k => 10 ** (least + k));
    const ticks = [0, ...powers.flatMap(power => [power, -power])];
    pen.font = '12px "DejaVu Sans", Verdana, system-ui, sans-serif';
    pen.lineWidth = 1;
    const put = (low, high, place, room, write) => {
      const taken = [];
      for (const value of ticks) {
        const at = place(bend(value));
        if (bend(value) < low || bend(value) > high || taken.some(other => Math.abs(other - at) < room)) continue;
        taken.push(at);
        write(at, String(Number(value.toPrecision(1))).replace("-", "−"), value === 0);
      }
    };
    const line = (a, b, c, d, colour) => { pen.strokeStyle = colour; pen.beginPath(); pen.moveTo(a, b); pen.lineTo(c, d); pen.stroke(); };
    pen.fillStyle = INK;
    pen.textAlign = "center";
    put(x0, x1, value => map.x(value), 44, (at, text, zero) => { line(at, top, at, bottom, zero ? GREY : "#EFEFEF"); pen.fillText(text, at, bottom + 16); });
    pen.textAlign = "right";
    put(y0, y1, value => map.y(value), 20, (at, text, zero) => { line(left, at, right, at, zero ? GREY : "#EFEFEF"); pen.fillText(text, left - 6, at + 4); });
    pen.textAlign = "center";
    pen.fillText(`rise of ${names[0]}'s loss without the unit →`, (left + right) / 2, map.height - 8);
    pen.save();
    pen.translate(13, (top + bottom) / 2);
    pen.rotate(-Math.PI / 2);
    pen.fillText(`rise of ${names[1]}'s loss →`, 0, 0);
    pen.restore();
    range(this.facts.d).forEach(unit => { // one standard error to either side
      const [[a, ea], [b, eb]] = this.pair.map(t => [this.rise(t, unit), this.error(t, unit)]), x = map.x(bend(a)), y = map.y(bend(b));
      line(map.x(bend(a - ea)), y, map.x(bend(a + ea)), y, PALE);
      line(x, map.y(bend(b - eb)), x, map.y(bend(b + eb)), PALE);
    });
  }

  // pointing

  words(unit) {
    const rises = this.pair.map(t => `${this.facts.tasks[t].name} ${about(this.rise(t, unit))} (± ${rounded(this.error(t, unit))})`);
    return `unit ${unit}, rise of the loss without it: ${rises.join(", ")}; ${this.map.marks[this.quadrant(unit)].name}${this.removed.includes(unit) ? ", removed" : ""}`;
  }
  point(unit) {
    this.map.ring = unit;
    this.map.draw();
    this.told.textContent = unit < 0 ? "" : this.words(unit);
  }
  hover(unit, place) {
    if (unit !== this.map.ring) { this.map.ring = unit; this.map.draw(); }
    unit < 0 ? this.tell(this.map) : this.tell(this.map, place, html("div", {}, this.words(unit)));
  }
  key(event) { // left and right go along the first task's rise, down and up along the second's
    const way = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1] }[event.key], { ring } = this.map;
    if (!way && !["Enter", " "].includes(event.key)) return;
    event.preventDefault();
    if (!way) { if (ring >= 0) { this.toggle([ring]); this.point(ring); } return; }
    const t = this.pair[way[0]], order = range(this.facts.d).sort((a, b) => this.rise(t, a) - this.rise(t, b));
    this.point(ring < 0 ? order.at(-1) : order[Math.min(order.length - 1, Math.max(0, order.indexOf(ring) + way[1]))]);
  }
}

/** The loss and the merit of one answer (tasks.py). */
function judged(loss, z, y) {
  if (loss === "Regression") return Array(2).fill((z[0] - y) ** 2);
  if (loss === "Binary") return [Math.max(z[0], 0) - z[0] * y + Math.log1p(Math.exp(-Math.abs(z[0]))), Number((z[0] > 0) === (y === 1))];
  let best = 0, total = 0;
  for (let j = 1; j < z.length; j++) if (z[j] > z[best]) best = j;
  for (let j = 0; j < z.length; j++) total += Math.exp(z[j] - z[best]);
  return [z[best] + Math.log(total) - z[y], Number(best === y)];
}

function render({ model, el }) {
  const panel = new { microscope: Microscope, lesions: Lab }[model.get("kind")](model, el);
  return () => panel.close();
}
export default { render };
