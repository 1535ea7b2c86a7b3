// The plane of two tasks in the browser: arrows to drag, the answers computed as they move. common.js stands before it.

const GREY = "#6E6E6E";
const BLUE = "#0072B2";
const TINT = "#E3F1EC"; // of the directions that make no task worse
const HAIR = 1e-4; // radians: so far are gradients kept off one line
const SMALL = 1e-3; // a change smaller than this share of the larger gradient is none
const TURN = Math.PI / 36; // of a key, 5°
const TALL = 360; // pixels of the plane
const LOW = 158; // and of the pictures beside it
const DASHES = ["10 4", "4 3", "14 4 3 4", "2 2.4", "20 6", "8 2 2 2"];

// --- what methods make of two gradients: weighting/plane.py asks torchjd for the same --------------------------------

const dot2 = ([a, b], [c, d]) => a * c + b * d;
const cross = ([a, b], [c, d]) => a * d - b * c;
const size = (g) => Math.hypot(...g);
const turned = ([x, y], by) => [x * Math.cos(by) - y * Math.sin(by), x * Math.sin(by) + y * Math.cos(by)];
const plus = (u, g1, v, g2) => [0, 1].map((k) => u * g1[k] + v * g2[k]);

/** Both gradients; where they lie on one line the second is turned until it is a hair off it. */
function offOneLine(g1, g2) {
  const across = cross(g1, g2);
  const along = dot2(g1, g2);
  const off = Math.atan2(Math.abs(across), Math.abs(along));
  const side = Math.sign(across * along || along);
  return off < HAIR ? [g1, turned(g2, side * (HAIR - off))] : [g1, g2];
}

/** What a method makes of two gradients: u g_1 + v g_2, with u and v from their products a = ‖g_1‖², b, c = ‖g_2‖². */
function answerOf(name, one, two, [w1, w2]) {
  if (name === "weighted sum") return plus(w1, one, w2, two);
  const [g1, g2] = offOneLine(one, two);
  const [a, b, c] = [dot2(g1, g1), dot2(g1, g2), dot2(g2, g2)];
  const s = Math.abs(cross(g1, g2)); // the root of ac − b²
  const surgery = [1 - Math.min(0, b) / a, 1 - Math.min(0, b) / c];
  const near = Math.max(0, Math.min(1, (c - b) / (a + c - 2 * b)));
  const longest = Math.sqrt((a + c) / 2 + Math.hypot((a - c) / 2, b)); // the larger singular value of J
  const scale = 2 * longest * Math.sqrt(a + c + 2 * s);
  const equal = Math.sqrt(a) + Math.sqrt(c);
  const w = {
    PCGrad: surgery,
    UPGrad: surgery.map((own) => own / 2),
    MGDA: [near, 1 - near],
    "IMTL-G": [Math.sqrt(c) / equal, Math.sqrt(a) / equal],
    "Aligned-MTL": [(c + s - b) / scale, (a + s - b) / scale],
  }[name];
  return plus(w[0], g1, w[1], g2);
}

/** Whom a small step against an answer helps: for each task 1, −1, or 0. */
function helped(answer, G) {
  const most = Math.max(...G.map(size));
  return G.map((g) => {
    const along = dot2(answer, g) / size(g);
    return Math.abs(along) < SMALL * most ? 0 : Math.sign(along);
  });
}
const angleBetween = ([g1, g2]) => (180 / Math.PI) * Math.atan2(Math.abs(cross(g1, g2)), dot2(g1, g2));
const ratioText = (w) => String(Number(w.toPrecision(3)));

// --- the widget ------------------------------------------------------------------------------------------------------

class Arrows extends Panel {
  constructor(model, el) {
    super(model, el, "arrows", "gradients of two tasks", ["tips", "weights", "shown", "at"]);
  }
  build() {
    const { tasks, methods, front } = this.facts;
    this.boxes = {};
    this.under = svg("g");
    this.handles = tasks.map((_, t) => this.handle(t));
    this.over = svg("g", { "pointer-events": "none" });
    this.plane = svg(
      "svg",
      { role: "group", class: "mtl-plane", height: TALL },
      this.under,
      ...this.handles,
      this.over,
    );
    this.caption = html("figcaption", { "aria-hidden": "true" }); // which the status line says, too
    this.choices = methods.map((name, m) => this.button(name, () => this.toggle(m)));
    this.effects = methods.map(() => html("span"));
    const most = this.facts.longest;
    const boxes = html(
      "div",
      { class: "mtl-bar mtl-boxes" },
      this.box("angle", "angle", 0, 180, (value) => this.turnTo(value)),
      tasks.map(({ name }, t) =>
        this.box(`size${t}`, `size of ${cut(name, 16)}`, this.facts.least, most, (v) => this.resize(t, v)),
      ),
      tasks.map(({ name }, t) =>
        this.box(`weight${t}`, `weight of ${cut(name, 16)}`, 0, this.facts.most, (v) => this.weigh(t, v)),
      ),
      this.button(front ? "As measured" : "As at first", () => this.clear(), "mtl-restore"),
    );
    const rows = this.choices.flatMap((button, m) => [button, this.effects[m]]);
    const chosen = html("div", { class: "mtl-answers", role: "group", "aria-label": "answers: press to show" }, rows);
    const pictures = front ? [this.view("front"), this.view("curves")] : [];
    const side = html("div", { class: "mtl-side" }, ...pictures, chosen);
    const main = html("div", { class: "mtl-maps" }, html("figure", {}, this.plane, this.caption), side);
    return [front ? this.slider() : null, boxes, main, this.status].filter(Boolean);
  }
  get gradients() {
    const tips = this.model.get("tips");
    return tips.length ? tips : this.facts.given[this.model.get("at")];
  }
  get weights() {
    const typed = this.model.get("weights");
    return typed.length ? typed : this.facts.weights[this.model.get("at")];
  }
  /** {name, tip} of each method on show; the sum's weights add up to 2. */
  get answers() {
    const w = this.weights;
    const scaled = w.map((own) => (2 * own) / sum(w));
    return this.model.get("shown").map((m) => {
      const name = this.facts.methods[m];
      return { name, tip: answerOf(name, ...this.gradients, scaled) };
    });
  }

  // controls

  /** Several traits at once. */
  put(values) {
    this.complain("");
    for (const [name, value] of Object.entries(values)) this.model.set(name, value);
    this.model.save_changes();
  }
  clear() {
    this.typing = null;
    this.put({ tips: [], weights: [] });
  }
  toggle(m) {
    const shown = this.model.get("shown");
    const now = shown.includes(m) ? shown.filter((other) => other !== m) : [...shown, m].sort((a, b) => a - b);
    this.put({ shown: now });
  }
  /** A box for a number; what cannot be is said, and the box gets its number back. */
  box(key, name, low, high, act) {
    const input = html("input", { type: "text", inputmode: "decimal", "aria-label": name, size: 5 });
    const read = () => {
      this.typing = null;
      const text = input.value.trim().replace("−", "-").replace(",", ".");
      const value = text === "" ? Number.NaN : Number(text);
      const told = { name, low: ratioText(low), high: ratioText(high), text: `'${cut(input.value, 20)}'` };
      if (value >= low && value <= high) return act(value);
      this.fill();
      this.complain(filled(this.words.between, told));
    };
    input.addEventListener("input", () => {
      this.typing = input;
    });
    input.addEventListener("change", this.safely(read));
    this.boxes[key] = input;
    return html("label", {}, `${name} `, input);
  }
  /** The angle between the two: the second turns, on its side of the first. */
  turnTo(degrees) {
    const [g1, g2] = this.gradients;
    const side = cross(g1, g2) < 0 ? -1 : 1;
    const tip = turned(g1, (side * degrees * Math.PI) / 180);
    this.put({ tips: [g1, tip.map((x) => (x * size(g2)) / size(g1))] });
  }
  resize(t, long) {
    const now = size(this.gradients[t]);
    this.moveTip(
      t,
      this.gradients[t].map((x) => (x * long) / now),
    );
  }
  weigh(t, value) {
    const weights = this.weights.map((own, k) => (k === t ? value : own));
    if (sum(weights) > 0) return this.put({ weights });
    this.fill();
    this.complain(this.words.zero);
  }
  /** Moves a tip, no farther than it may be. */
  moveTip(t, tip) {
    const { least, longest } = this.facts;
    const long = size(tip);
    const to = Math.max(least, Math.min(longest, long));
    const found =
      long > 0 ? tip.map((x) => (x * to) / long) : this.gradients[t].map((x) => (x * to) / size(this.gradients[t]));
    this.put({ tips: this.gradients.map((g, k) => (k === t ? found : g)) });
  }
  /** The tip of a task's arrow, which can be dragged and moved by keys. */
  handle(t) {
    const { name, colour } = this.facts.tasks[t];
    const node = svg(
      "g",
      { class: "mtl-tip", tabindex: 0, role: "slider", ...QUIET },
      svg("circle", { r: 16, fill: "transparent", stroke: "none" }),
      svg("circle", { r: 7.5, fill: "#fff", stroke: colour, "stroke-width": 3 }),
    );
    dressed(node, { "aria-label": filled(this.words.tip, { task: name }), "aria-valuemin": 0, "aria-valuemax": 180 });
    const acts = {
      pointerdown: (event) => {
        if (event.button) return;
        node.setPointerCapture(event.pointerId);
        node.focus();
        event.preventDefault();
      },
      pointermove: (event) => node.hasPointerCapture(event.pointerId) && this.moveTip(t, this.place(event)),
      keydown: (event) => this.key(t, event),
    };
    for (const [kind, act] of Object.entries(acts)) node.addEventListener(kind, this.safely(act));
    return node;
  }
  /** Where in the plane the pointer is. */
  place(event) {
    const box = this.plane.getBoundingClientRect();
    return [event.clientX - box.left - box.width / 2, box.top + box.height / 2 - event.clientY].map(
      (x) => x / this.scale,
    );
  }
  key(t, event) {
    const turn = { ArrowLeft: TURN, ArrowRight: -TURN }[event.key];
    const longer = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (turn === undefined && longer === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const g = this.gradients[t];
    if (turn) return this.moveTip(t, turned(g, event.shiftKey ? turn / 5 : turn));
    const to = Math.max(this.facts.least, size(g) + (longer * this.facts.longest) / 25);
    this.moveTip(
      t,
      g.map((x) => (x * to) / size(g)),
    );
  }
  slider() {
    const last = this.facts.given.length - 1;
    const move = (at) => this.put({ at, tips: [], weights: [] });
    this.range = html("input", {
      type: "range",
      min: 0,
      max: last,
      step: 1,
      "aria-label": "place on the front",
      oninput: this.safely((event) => move(Number(event.target.value))),
      onkeydown: this.safely((event) => {
        const to = stepped(event.key, this.model.get("at"), last, 3);
        if (to === undefined) return;
        event.preventDefault();
        event.stopPropagation();
        move(to);
      }),
    });
    this.where = html("strong", { class: "mtl-where" });
    return html("div", { class: "mtl-bar" }, this.range, this.where);
  }
  view(name) {
    this[name] = svg("svg", { role: "img", class: `mtl-${name}`, height: LOW });
    return html("figure", {}, this[name]);
  }

  // drawing

  redraw() {
    this.draw();
  }
  draw() {
    const width = Math.max(200, this.plane.clientWidth || 400);
    this.plane.setAttribute("viewBox", `${-width / 2} ${-TALL / 2} ${width} ${TALL}`);
    this.scale = (Math.min(width, TALL) / 2 - 14) / this.facts.longest;
    this.drawPlane(width);
    this.fill();
    const said = this.answers.map(({ name, tip }) => [this.called(name), this.effect(tip)]);
    const shown = this.model.get("shown");
    for (const [m, button] of this.choices.entries()) {
      button.setAttribute("aria-pressed", String(shown.includes(m)));
      button.textContent = this.called(this.facts.methods[m]);
      this.effects[m].textContent = shown.includes(m) ? said[shown.indexOf(m)][1] : "";
    }
    const text = this.sentence(said);
    this.say(text);
    this.caption.textContent = this.pair;
    this.plane.setAttribute("aria-label", filled(this.words.alt, { text }));
    if (this.facts.front) this.drawFront();
  }
  /** Numbers into the boxes, but for the one that is being typed in. */
  fill() {
    const long = this.gradients.map(size);
    const values = { angle: fixed(angleBetween(this.gradients), 0) };
    for (const t of [0, 1]) {
      values[`size${t}`] = ratioText(long[t]);
      values[`weight${t}`] = ratioText(this.weights[t]);
    }
    for (const [key, value] of Object.entries(values))
      if (this.boxes[key] !== this.typing) this.boxes[key].value = value;
  }
  toPixels([x, y]) {
    return [x * this.scale, -y * this.scale];
  }
  drawPlane(width) {
    const G = this.gradients;
    const { tasks } = this.facts;
    const answers = merged(this.answers, 0.02 * this.facts.longest);
    const labels = tasks.map(({ name, ink }, t) => ({ text: cut(name, 24), at: this.toPixels(G[t]), ink }));
    const shafts = answers.map(({ names, tip }, k) => {
      const [at, whole] = inside(this.toPixels(tip), width / 2 - 6, TALL / 2 - 6);
      labels.push({ text: listed(names, width / 2) + (whole ? "" : " …"), at, ink: INK });
      return vector(at, INK, 2, DASHES[k % DASHES.length], whole);
    });
    const own = tasks.map(({ colour }, t) => vector(this.toPixels(G[t]), colour, 4, null, false));
    const note = label(-width / 2 + 4, TALL / 2 - 6, this.words.cone, { fill: "#595959" });
    this.under.replaceChildren(...this.cone(G, 4 * width), note, ...own.flat());
    for (const [t, node] of this.handles.entries()) {
      node.setAttribute("transform", `translate(${this.toPixels(G[t]).map((x) => x.toFixed(1))})`);
      const value = { angle: fixed(angleBetween(G), 0), size: about(size(G[t])) };
      node.setAttribute("aria-valuenow", value.angle);
      node.setAttribute("aria-valuetext", filled(this.words.value, value));
    }
    this.over.replaceChildren(...shafts.flat(), ...placed(labels, width / 2, TALL / 2));
  }
  /** The directions d with ⟨d, g_t⟩ ≥ 0 for both: within 90° of either gradient. */
  cone([g1, g2], far) {
    const first = Math.atan2(g1[1], g1[0]);
    const turn = Math.atan2(cross(g1, g2), dot2(g1, g2)); // to the second, the short way round
    const [low, high] = [Math.max(0, turn) - Math.PI / 2, Math.min(0, turn) + Math.PI / 2];
    const rim = range(5).map((k) => first + low + ((high - low) * k) / 4);
    const corners = rim.map((way) => [far * Math.cos(way), -far * Math.sin(way)]);
    const edge = { stroke: PALE, "stroke-width": 1 };
    const ends = [corners[0], corners.at(-1)].map(([x2, y2]) => svg("line", { x1: 0, y1: 0, x2, y2, ...edge }));
    return [svg("path", { d: `${track([[0, 0], ...corners])}Z`, fill: TINT }), ...ends];
  }
  /** The front with the place on it, and both tasks' curves there. */
  drawFront() {
    const { front, tasks, unit, weights } = this.facts;
    const at = this.model.get("at");
    const [one, two] = tasks.map((task) => task.name);
    dressed(this.range, { "aria-valuetext": this.where_now });
    this.range.value = at;
    this.where.textContent = this.where_now;
    const [xs, ys] = [0, 1].map((t) => padded(front.scores.map((row) => row[t])));
    const axes = { xs, ys, xName: `${cut(one, 20)} →`, yName: `${cut(two, 20)} →`, unit };
    const inFront = new Axes(this.front, axes);
    const points = front.scores.map(([x, y]) => [inFront.x(x), inFront.y(y)]);
    const here = points[at];
    inFront.show([
      path(points, { stroke: BLUE, "stroke-width": 2.2 }),
      ...points.map(([x, y]) => dot(x, y, 4, BLUE)),
      dot(...here, 8, INK),
    ]);
    const ends = [0, 1].map((end) => front.scores.at(-end));
    const names = { up: two, right: one, count: points.length, place: this.where_now };
    for (const [end, [x, y]] of ends.entries())
      Object.assign(names, { [`x${end}`]: about(x, unit), [`y${end}`]: about(y, unit) });
    this.front.setAttribute("aria-label", filled(this.words.front, names));
    const all = padded(front.curves.flat(2));
    const last = front.epochs.length;
    const inCurves = new Axes(this.curves, {
      xs: [1, Math.max(2, last)],
      ys: all,
      xName: "epoch →",
      yName: "score",
      unit,
    });
    const lines = tasks.map(({ colour }, t) => {
      const track_ = front.curves[at].map((row, e) => [inCurves.x(e + 1), inCurves.y(row[t])]);
      return [
        path(track_, { stroke: colour, "stroke-width": 2.4, "stroke-dasharray": t ? "7 3" : null }),
        dot(...track_.at(-1), 4, colour),
      ];
    });
    const high = front.curves[at].at(-1);
    const names_ = tasks.map(({ name, ink }, t) => {
      const upper = high[t] > high[1 - t] || (high[t] === high[1 - t] && t === 0);
      const y = inCurves.y(high[t]) + (upper ? -9 : 18);
      return label(inCurves.right, y, cut(name, 20), { fill: ink, "text-anchor": "end", "font-weight": 600 });
    });
    inCurves.show([...lines.flat(), ...names_]);
    const [w1, w2] = weights[at].map(ratioText);
    const told = { count: last, w1, w2, one, two, x: about(high[0], unit), y: about(high[1], unit) };
    this.curves.setAttribute("aria-label", filled(this.words.curves, told));
  }

  // in words

  called(name) {
    if (name !== "weighted sum") return name;
    const [w1, w2] = this.weights.map(ratioText);
    return filled(this.words.weighted, { w1, w2 });
  }
  get where_now() {
    const { front, tasks, unit, weights } = this.facts;
    if (!front) return "";
    const at = this.model.get("at");
    const [w1, w2] = weights[at].map(ratioText);
    const [x, y] = front.scores[at].map((score) => about(score, unit));
    const place = filled(this.words.place, { w1, w2, one: tasks[0].name, two: tasks[1].name, x, y });
    return place + (this.model.get("tips").length ? this.words.moved : "");
  }
  get pair() {
    const G = this.gradients;
    const angle = angleBetween(G);
    const [size1, size2] = G.map((g) => about(size(g)));
    const [one, two] = this.facts.tasks.map((task) => task.name);
    const cosine = about(Math.cos((angle * Math.PI) / 180));
    return filled(this.words.pair, { one, two, angle: fixed(angle, 0), cosine, size1, size2 });
  }
  sentence(said) {
    const answers = said.map(([name, effect]) => filled(this.words.answer, { name, effect }));
    return [this.where_now, this.pair, ...(answers.length ? answers : [this.words.nothing])].filter(Boolean).join("; ");
  }
  /** Whom a small step against an answer helps, and whom it harms. */
  effect(tip) {
    const { words, gradients: G } = this;
    const names = this.facts.tasks.map((task) => task.name);
    const effects = helped(tip, G);
    const verb = (effect) => (effect > 0 ? "helps" : "harms");
    if (size(tip) < SMALL * Math.max(...G.map(size))) return words.still;
    if (effects[0] === effects[1]) return effects[0] ? filled(words.both, { verb: verb(effects[0]) }) : words.neither;
    const at = effects.indexOf(0);
    if (at >= 0) return filled(words.half, { verb: verb(effects[1 - at]), task: names[1 - at] });
    return filled(words.one, { helped: names[effects.indexOf(1)], harmed: names[effects.indexOf(-1)] });
  }
}

// --- parts of pictures -----------------------------------------------------------------------------------------------

/** Names as one label no wider than the room, in pixels. */
function listed(names, room) {
  const all = names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : names[0];
  return LETTER * all.length < room ? all : `${names[0]} and ${names.length - 1} more`;
}
/** Answers with one label for those whose tips are the same. */
function merged(answers, near) {
  const groups = [];
  for (const { name, tip } of answers) {
    const group = groups.find((one) => Math.hypot(one.tip[0] - tip[0], one.tip[1] - tip[1]) < near);
    if (group) group.names.push(name);
    else groups.push({ names: [name], tip });
  }
  return groups;
}
/** A tip in pixels, drawn back to the edge of the plane where it lies beyond, and whether it lies within. */
function inside([x, y], wide, tall) {
  const much = Math.max(Math.abs(x) / wide, Math.abs(y) / tall);
  return much > 1 ? [[x / much, y / much], false] : [[x, y], true];
}
/** An arrow from the middle; one without length is a ring. */
function vector([x, y], colour, width, dashes, head) {
  const long = Math.hypot(x, y);
  if (head && long < 4) return [svg("circle", { r: 8, fill: "none", stroke: colour, "stroke-width": 2 })];
  const [ux, uy] = [x / long, y / long];
  const neck = head ? Math.max(0, long - 8) : long;
  const side = 3 + width;
  const corner = (s) => `${(x - 11 * ux + s * side * uy).toFixed(1)} ${(y - 11 * uy - s * side * ux).toFixed(1)}`;
  const shaft = { x1: 0, y1: 0, x2: neck * ux, y2: neck * uy, stroke: colour, "stroke-width": width };
  const marks = [svg("line", { ...shaft, "stroke-dasharray": dashes })];
  if (head)
    marks.push(svg("path", { d: `M${x.toFixed(1)} ${y.toFixed(1)}L${corner(1)}L${corner(-1)}Z`, fill: colour }));
  return marks;
}
/** Labels beside their tips, each where it covers the fewest of the others. */
function placed(labels, wide, tall) {
  const taken = labels.map(({ at: [x, y] }) => [x - 9, y - 9, x + 9, y + 9]);
  const over = (a, b) =>
    Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0])) * Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  return labels.flatMap(({ text, at: [x, y], ink }) => {
    const long = LETTER * text.length;
    const spots = [14, 30, 48, 68].flatMap((away) =>
      [0, -1, 1].flatMap((up) =>
        [x + 13, x - 13 - long].map((left) => [left, y + up * away - 8, left + long, y + up * away + 8]),
      ),
    );
    const cost = (spot) => {
      const off =
        Math.max(0, -wide - spot[0], spot[2] - wide) * 16 + Math.max(0, -tall - spot[1], spot[3] - tall) * long;
      return 3 * off + sum(taken.map((other) => over(spot, other)));
    };
    const costs = spots.map(cost);
    const spot = spots[costs.indexOf(Math.min(...costs))];
    taken.push(spot);
    const halo = { stroke: "#fff", "stroke-width": 3, "paint-order": "stroke" };
    return [label(spot[0], spot[1] + 13, text, { fill: ink, "font-weight": 600, ...halo })];
  });
}
const padded = (values) => {
  const [low, high] = span(values);
  const more = 0.08 * (high - low) || 0.01;
  return [low - more, high + more];
};

/** A small picture with two axes. */
class Axes {
  constructor(picture, { xs, ys, xName, yName, unit }) {
    const width = Math.max(180, picture.clientWidth || 260);
    const [left, bottom, top] = [52, LOW - 34, 18];
    Object.assign(this, { picture, right: width - 8 });
    this.x = (value) => left + ((this.right - left) * (value - xs[0])) / (xs[1] - xs[0]);
    this.y = (value) => bottom - ((bottom - top) * (value - ys[0])) / (ys[1] - ys[0]);
    const edge = (x1, y1, x2, y2, stroke) => svg("line", { x1, y1, x2, y2, stroke });
    const yTicks = ticks(...ys, 3);
    const xTicks = ticks(...xs, 4);
    const whole = xName.startsWith("epoch");
    this.marks = [
      ...yTicks.map((value) => edge(left, this.y(value), this.right, this.y(value), "#EFEFEF")),
      edge(left, bottom, this.right, bottom, GREY),
      edge(left, top, left, bottom, GREY),
      ...yTicks.map((value) => {
        const text = tickText(value, unit, yTicks[1] - yTicks[0] || 1);
        return label(left - 5, this.y(value) + 4.5, text, { "text-anchor": "end" });
      }),
      ...xTicks
        .filter((value) => !whole || Number.isInteger(value))
        .map((value) => {
          const text = whole ? String(value) : tickText(value, unit, xTicks[1] - xTicks[0] || 1);
          return label(this.x(value), bottom + 16, text, { "text-anchor": "middle" });
        }),
      label((left + this.right) / 2, LOW - 3, xName, { "text-anchor": "middle", fill: "#595959" }),
      label(2, 12, yName, { fill: "#595959" }),
    ];
  }
  show(marks) {
    this.picture.replaceChildren(...this.marks, ...marks);
  }
}

function render({ model, el }) {
  const panel = new Arrows(model, el);
  return () => panel.close();
}
export default { render };
export { answerOf, helped }; // which a test holds against torchjd's
