// What the λ explorer, the microscope, the lesion lab and the arrows have in common in the browser; Python puts this
// before each one's own script.
// Python sends every number once (`facts` in words, `data` as bytes); what moves is drawn from them, with no kernel.
// Text from data only ever becomes textContent or an attribute.

const INK = "#222222";
const PALE = "#D8D8D8";
const NEAR = 16; // pixels within which the pointer finds a point

// --- small tools -----------------------------------------------------------------------------------------------------

const QUIET = { "data-lm-suppress-shortcuts": "true" }; // or JupyterLab takes what is typed here for its own commands
function html(tag, attributes = {}, ...children) {
  const all = /^(input|select|button|canvas)$/.test(tag) ? { ...QUIET, ...attributes } : attributes;
  return dressed(document.createElement(tag), all, children);
}
/** A node with attributes, listeners (on…) and children. */
function dressed(node, attributes, children = []) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null));
  return node;
}
const range = (n) => [...Array(n).keys()];
const sum = (values) => values.reduce((a, b) => a + b, 0);
const cut = (text, most) => (text.length > most ? `${text.slice(0, Math.max(1, most - 1)).trimEnd()}…` : text);
const thousands = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, ",");

/** Where a key takes a slider that stands at `now` of 0 to `last`; undefined for any other key. `big`: a page's step. */
function stepped(key, now, last, big) {
  const to = {
    ArrowRight: now + 1,
    ArrowUp: now + 1,
    ArrowLeft: now - 1,
    ArrowDown: now - 1,
    PageUp: now + big,
    PageDown: now - big,
    Home: 0,
    End: last,
  }[key];
  return to === undefined ? to : Math.max(0, Math.min(last, to));
}

/** One of Python's templates with its {names} filled in; what is filled in is not looked at again. */
const filled = (template, values) => template.replace(/\{([^}]*)\}/g, (_, name) => values[name]);

/** As Python rounds: to even where a number lies exactly between two. */
function fixed(value, digits) {
  const text = value.toFixed(digits);
  const rest = value.toFixed(digits + 30).split(".")[1];
  const between = /^50*$/.test(rest.slice(digits));
  const odd = /[13579]$/.test(text.replace(".", ""));
  return between && odd ? (Number(text) - Math.sign(value) * 10 ** -digits).toFixed(digits) : text;
}
/** A measured number as the course's figures write it (show/style.py: rounded). */
function rounded(value, unit = "") {
  if (!Number.isFinite(value)) return "unknown";
  value *= unit === "%" ? 100 : 1;
  const size = Math.abs(value);
  const digits = unit === "%" || size >= 100 ? 0 : size >= 10 ? 1 : 2;
  let text = fixed(value, digits);
  if (size > 0 && size < 0.005 && unit !== "%") text = size >= 0.001 ? fixed(value, 3) : value.toExponential(0);
  if (Number(text) === 0) text = text.replace("-", "");
  const [whole, rest] = text.split(".");
  text = whole.replace(/\B(?=(\d{3})+$)/g, ",") + (rest === undefined ? "" : `.${rest}`);
  return text.replaceAll("-", "−") + (unit ? ` ${unit}` : "");
}
const about = (value, unit) => (Number.isFinite(value) ? `≈ ${rounded(value, unit)}` : "unknown");

/** The arrays that Python's `packed` has put into one run of bytes. */
function unpack(view, where) {
  const kinds = { Int16Array, Int32Array, Float32Array };
  const bytes = view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
  return Object.fromEntries(
    Object.entries(where).map(([name, [kind, first, count]]) => [name, new kinds[kind](bytes, first, count)]),
  );
}

/** Traces a mark of radius r around (x, y). */
function trace(pen, shape, x, y, r) {
  pen.beginPath();
  if (shape === "circle") return pen.arc(x, y, r, 0, 7);
  const [corners, turn, size] = { square: [4, 0.5, 1.2], triangle: [3, 0, 1.25], diamond: [4, 0, 1.25] }[shape];
  for (const k of range(corners)) {
    const angle = (2 * Math.PI * (k + turn)) / corners;
    pen.lineTo(x + size * r * Math.sin(angle), y - size * r * Math.cos(angle));
  }
  pen.closePath();
}
/** A mark on a small canvas. */
function stamp({ colour, shape, hollow }, r, ratio, faint) {
  const side = Math.ceil((2.7 * r + 3) * ratio);
  const canvas = html("canvas", { width: side, height: side });
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

// --- pictures of lines and words -------------------------------------------------------------------------------------

const LETTER = 7.4; // about the width of a letter, in pixels
function svg(tag, attributes = {}, ...children) {
  return dressed(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}
const label = (x, y, text, attributes = {}) => svg("text", { x, y, fill: INK, ...attributes }, text);
const dot = (x, y, r, fill) => svg("circle", { cx: x, cy: y, r, fill, stroke: "#fff", "stroke-width": 1.5 });
const path = (points, attributes) =>
  svg("path", { d: track(points), fill: "none", "stroke-linejoin": "round", ...attributes });
function track(points) {
  // broken where a value is missing
  let d = "";
  let pen = "M";
  for (const [x, y] of points) {
    if (x === null || y === null) {
      pen = "M";
      continue;
    }
    d += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = "L";
  }
  return d;
}
const span = (values) => (values.length ? [Math.min(...values), Math.max(...values)] : [0, 1]);
/** Round numbers between low and high. */
function ticks(low, high, count = 4) {
  const raw = (high - low) / count || 1;
  const ten = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((s) => s * ten).find((s) => s >= raw * 0.999);
  const first = Math.ceil(low / step - 1e-6);
  const found = [];
  for (let i = first; i * step <= high + step * 1e-6; i++) found.push(i * step);
  return found;
}
function tickText(value, unit, step) {
  // with as many digits as the step has
  const whole = unit === "%" ? 100 : 1;
  const digits = range(5).find((d) => Math.abs(((step * whole * 10 ** d) % 1) - 0.5) > 0.4999) ?? 5;
  return (value * whole).toFixed(digits).replace("-", "−") + (unit ? ` ${unit}` : "");
}

// --- points on a canvas ----------------------------------------------------------------------------------------------

/** Points that can be pointed at and lassoed. `acts`: hover(row or −1, place), pick(row or −1), lasso(rows).
 *  `points`: x and y of each in the units of `box` (left, right, low, high). `look`: which of `marks` each has.
 *  `bright`: 1 for those that stand out, null if all do. `under`: draws what lies below them. */
class Scatter {
  constructor(acts, { square = true, radius = 3, room = [12, 12, 12, 12] } = {}) {
    Object.assign(this, {
      acts,
      square,
      radius,
      room,
      trail: [],
      points: [],
      look: [],
      marks: [],
      bright: null,
      ring: -1,
      under: null,
    });
    this.canvas = html("canvas", { role: "img" });
    this.pen = this.canvas.getContext("2d", { willReadFrequently: true });
    const on = (name, act) => this.canvas.addEventListener(name, (event) => act(event, this.place(event)));
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
    on("pointercancel", () => {
      this.trail = [];
      this.draw();
    });
    on("pointerleave", () => acts.hover(-1));
  }
  get count() {
    return this.points.length / 2;
  }
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left - this.canvas.clientLeft, event.clientY - box.top - this.canvas.clientTop];
  }
  show(change) {
    if (change.marks && change.marks !== this.marks) this.stamps = null;
    Object.assign(this, change);
  }
  /** What a unit of the data is in pixels, on a canvas as large as its room. */
  measure() {
    const {
      canvas,
      room: [top, right, bottom, left],
      box: [x0, x1, y0, y1],
    } = this;
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    const size = [width, height].map((side) => Math.round(side * ratio));
    if (canvas.width !== size[0] || canvas.height !== size[1] || this.ratio !== ratio) {
      [canvas.width, canvas.height] = size;
      this.layer = size[0] && size[1] ? new ImageData(...size) : null;
      this.stamps = null;
    }
    let kx = (width - left - right) / (x1 - x0 || 1);
    let ky = (height - top - bottom) / (y1 - y0 || 1);
    if (this.square) kx = ky = Math.min(kx, ky);
    const middle = [(left + width - right) / 2, (top + height - bottom) / 2];
    Object.assign(this, {
      ratio,
      width,
      height,
      kx,
      ky,
      cx: middle[0] - (kx * (x0 + x1)) / 2,
      cy: middle[1] + (ky * (y0 + y1)) / 2,
    });
    return width > 0 && height > 0;
  }
  x(value) {
    return this.cx + this.kx * value;
  }
  y(value) {
    return this.cy - this.ky * value;
  }
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
    const { layer, ratio, points, look, bright, cx, cy, kx, ky, count } = this;
    const { width, height } = layer;
    const target = new Uint32Array(layer.data.buffer);
    this.stamps ??= [false, true].map((faint) =>
      this.marks.map((mark) => {
        const { width: side, data } = stamped(mark, this.radius, ratio, faint);
        const pixels = new Uint32Array(data.buffer);
        const filled = range(side * side).filter((k) => pixels[k] >>> 24);
        return {
          side,
          colours: Uint32Array.from(filled, (k) => pixels[k]),
          offsets: Int32Array.from(filled, (k) => Math.floor(k / side) * width + (k % side)),
        };
      }),
    );
    target.fill(0);
    // those that stand out lie on top
    for (const faint of bright ? [1, 0] : [0]) {
      const stamps = this.stamps[faint];
      for (let i = 0; i < count; i++) {
        if (bright && bright[i] === faint) continue;
        const { side, colours, offsets } = stamps[look[i]];
        const x = Math.round((cx + kx * points[2 * i]) * ratio - side / 2);
        const y = Math.round((cy - ky * points[2 * i + 1]) * ratio - side / 2);
        if (x < 0 || y < 0 || x + side > width || y + side > height) continue; // on a canvas too small for any mark
        const corner = y * width + x;
        // an edge is soft on paper and hard on another mark
        for (let k = 0; k < colours.length; k++)
          if (colours[k] >>> 24 > 127 || !target[corner + offsets[k]]) target[corner + offsets[k]] = colours[k];
      }
    }
  }
  nearest([x, y]) {
    let best = -1;
    let least = NEAR ** 2;
    for (let i = 0; i < this.count; i++) {
      const far = (this.x(this.points[2 * i]) - x) ** 2 + (this.y(this.points[2 * i + 1]) - y) ** 2;
      if (far < least) [best, least] = [i, far];
    }
    return best;
  }
  /** The points inside a line: a ray from each crosses it an odd number of times. */
  inside(trail) {
    return range(this.count).filter((i) => {
      const x = this.x(this.points[2 * i]);
      const y = this.y(this.points[2 * i + 1]);
      let odd = false;
      trail.forEach(([x1, y1], k) => {
        const [x0, y0] = trail.at(k - 1);
        if (y0 > y !== y1 > y && x < x0 + ((x1 - x0) * (y - y0)) / (y1 - y0)) odd = !odd;
      });
      return odd;
    });
  }
}

// --- what all widgets have -------------------------------------------------------------------------------------------

/** A widget: `draw()` shows the latest state of the model, `clear()`, where there is one, is what Escape does. */
class Panel {
  constructor(model, el, kind, title, heard) {
    Object.assign(this, { model, facts: model.get("facts") });
    this.words = this.facts.words;
    this.data = this.facts.where ? unpack(model.get("data"), this.facts.where) : {};
    this.status = html("p", { class: "mtl-status mtl-unseen", role: "status", "aria-live": "polite" });
    this.trouble = html("p", { class: "mtl-trouble", role: "alert" });
    this.card = html("div", { class: "mtl-card", hidden: true, "aria-hidden": "true" });
    this.root = html("div", { class: `mtl-scope mtl-${kind}`, role: "group", "aria-label": title });
    this.root.append(...this.contents());
    this.root.addEventListener(
      "keydown",
      this.safely((event) => {
        if (event.key !== "Escape" || !this.clear) return;
        event.stopPropagation();
        this.clear();
      }),
    );
    el.append(this.root);
    this.heard = heard.map((name) => [`change:${name}`, this.safely(() => this.later())]);
    this.heard.push(["change:trouble", () => this.complain(model.get("trouble"))]);
    for (const [name, act] of this.heard) model.on(name, act);
    this.resized = new ResizeObserver(
      this.safely(() => {
        if (this.root.clientWidth && this.root.clientWidth !== this.drawnWidth) this.redraw();
        this.drawnWidth = this.root.clientWidth;
      }),
    );
    this.resized.observe(this.root);
    this.safely(() => this.draw())();
  }
  /** What stands in the widget, from top to bottom. */
  contents() {
    return [...this.build(), this.trouble, html("p", { class: "mtl-small mtl-notes" }, this.facts.caption)];
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
        this.complain(`That did not work (${error.message}).`);
      }
    };
  }
  complain(words) {
    this.trouble.textContent = words;
  }
  /** Says what is on show in the status line, or in another; a screen reader repeats nothing that has not changed. */
  say(words, line = this.status) {
    if (line.textContent !== words) line.textContent = words;
  }
  /** Nothing is drawn here: the model answers with change:…. */
  set(name, value) {
    this.complain("");
    this.model.set(name, value);
    this.model.save_changes();
  }
  redraw() {
    for (const map of this.maps) map.draw();
  }
  /** At most one drawing a frame, of the latest state. */
  later() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.safely(() => this.draw())();
    });
  }
  scatter(acts, options) {
    return new Scatter(
      Object.fromEntries(Object.entries(acts).map(([name, act]) => [name, this.safely(act)])),
      options,
    );
  }
  button(words, act, name = "") {
    return html("button", { type: "button", class: name, onclick: this.safely(act) }, words);
  }
  select(name, values, chosen, choose) {
    return html(
      "label",
      {},
      `${name} `,
      html(
        "select",
        { "aria-label": name, onchange: this.safely((event) => choose(event.target.selectedIndex)) },
        values.map((value, i) => html("option", { selected: i === chosen }, cut(value, 40))),
      ),
    );
  }
  /** A button with a mark for each group, pressed where all of the group is chosen. */
  legend(groups, toggle) {
    return groups.map(({ mark, name, rows, chosen }) => {
      const all = rows.length > 0 && rows.every((row) => chosen.has(row));
      const key = stamp(mark, 5, 2, false);
      key.setAttribute("aria-hidden", "true");
      key.style.width = `${key.width / 2}px`;
      return html(
        "button",
        {
          type: "button",
          "aria-pressed": String(all),
          disabled: !rows.length,
          title: name,
          onclick: this.safely(() => toggle(rows, all)),
        },
        key,
        html("span", {}, cut(name, 24)),
        html("b", {}, thousands(rows.length)),
      );
    });
  }
  /** Renews the controls of a group without losing the one that has the focus. */
  renew(box, nodes) {
    const controls = () => [...box.querySelectorAll("select, button")];
    const at = controls().indexOf(document.activeElement);
    box.replaceChildren(...nodes);
    controls()[at]?.focus();
  }
  /** Shows something in a card beside the pointer; nothing hides the card. */
  tell(map, place, ...content) {
    this.card.hidden = !content.length;
    if (!content.length) return;
    this.card.replaceChildren(...content);
    const room = this.card.parentNode.getBoundingClientRect();
    const box = map.canvas.getBoundingClientRect();
    const x = box.left - room.left + place[0];
    const y = box.top - room.top + place[1];
    this.card.style.left = `${Math.max(0, x + this.card.offsetWidth + 18 > room.width ? x - this.card.offsetWidth - 14 : x + 14)}px`;
    this.card.style.top = `${Math.max(0, Math.min(y + 10, room.height - this.card.offsetHeight))}px`;
  }
}
