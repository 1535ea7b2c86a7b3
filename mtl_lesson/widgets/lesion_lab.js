// The lesion lab in the browser: the scores without any units, computed as they are removed. common.js stands before it.

const GREY = "#6E6E6E";
const FAINT = "#EFEFEF";
const SHAPES = ["square", "triangle", "circle", "diamond"]; // of a unit that counts for one task, the other, both, none
const ROOM = [14, 16, 44, 74]; // pixels for the axes: above, to the right, below and to the left
const WAYS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1] };
const MANY = 10; // units that the buttons remove

class Lab extends Panel {
  constructor(model, el) {
    super(model, el, "lesions", "lesion lab", ["pair", "removed"]);
  }
  build() {
    this.map = this.scatter(
      {
        hover: (unit, place) => this.hover(unit, place),
        pick: (unit) => unit >= 0 && this.toggle([unit]),
        lasso: (units) => this.remove(units),
      },
      { square: false, radius: 5, room: ROOM },
    );
    this.maps = [this.map];
    const { canvas } = this.map;
    canvas.tabIndex = 0;
    canvas.addEventListener(
      "keydown",
      this.safely((event) => this.key(event)),
    );
    canvas.addEventListener("blur", () => this.point(-1));
    this.map.under = (pen) => this.axes(pen);
    this.cache = new Map();
    this.pickers = html("div", { class: "mtl-bar" });
    this.groups = html("div", { class: "mtl-legend", role: "group", "aria-label": "quadrants: press to remove" });
    this.buttons = html("div", { class: "mtl-bar" });
    this.told = html("p", { class: "mtl-unit mtl-small", role: "status", "aria-live": "polite" });
    this.table = html("div", { class: "mtl-strips" });
    this.gone = html("strong", {});
    const key = html("p", { class: "mtl-small" }, `${this.words.key}: mean and range of 20`);
    const side = html("div", { class: "mtl-side" }, this.groups, this.buttons, this.gone, this.table, key);
    const figure = html("figure", {}, canvas, this.told);
    return [this.pickers, html("div", { class: "mtl-maps" }, figure, side, this.card), this.status];
  }
  get pair() {
    return this.model.get("pair");
  }
  get removed() {
    return this.model.get("removed");
  }
  clear() {
    this.set("removed", []);
  }
  remove(units) {
    this.set(
      "removed",
      [...new Set([...this.removed, ...units])].sort((a, b) => a - b),
    );
  }
  restore(units) {
    this.set(
      "removed",
      this.removed.filter((unit) => !units.includes(unit)),
    );
  }
  toggle(units) {
    units.every((unit) => this.removed.includes(unit)) ? this.restore(units) : this.remove(units);
  }

  // what the numbers say

  rise(t, unit) {
    return this.data.rise[t * this.facts.d + unit];
  }
  error(t, unit) {
    return this.data.error[t * this.facts.d + unit];
  }
  /** A task's loss and score without some units: z' = z − Σ_u (h_u − μ_u) w_u. */
  without(t, units) {
    const { n, d } = this.facts;
    const { features, loss } = this.facts.tasks[t];
    const k = this.data[`w${t}`].length / d;
    const [h, step, mean] = ["h", "step", "mean"].map((name) => this.data[name + features]);
    const [w, z, y] = ["w", "z", "y"].map((name) => this.data[name + t]);
    const answer = new Float64Array(k);
    let losses = 0;
    let merits = 0;
    let count = 0;
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
    const { d } = this.facts;
    const key = `${t} ${count}`;
    if (!this.cache.has(key)) {
      const found = range(this.data.orders.length / d).map((g) =>
        this.without(t, this.data.orders.subarray(g * d, g * d + count)),
      );
      this.cache.set(
        key,
        Object.fromEntries(
          ["loss", "score"].map((what) => {
            const values = found.map((one) => one[what]);
            return [what, { mean: sum(values) / values.length, low: Math.min(...values), high: Math.max(...values) }];
          }),
        ),
      );
    }
    return this.cache.get(key);
  }
  /** 0 for a unit that counts for the first task only, 1 for the second only, 2 for both and 3 for neither. */
  quadrant(unit) {
    const [one, other] = this.pair.map((t) => this.data.counts[t * this.facts.d + unit]);
    return one ? (other ? 2 : 0) : other ? 1 : 3;
  }
  /** The units whose absence raises a task's loss most. */
  mostImportant(t) {
    const order = range(this.facts.d).sort((a, b) => this.rise(t, b) - this.rise(t, a));
    return order.slice(0, this.most);
  }
  get most() {
    return Math.min(MANY, this.facts.d);
  }
  get names() {
    return this.pair.map((t) => this.facts.tasks[t].name);
  }

  // drawing

  draw() {
    const units = range(this.facts.d);
    const gone = new Set(this.removed);
    const kinds = units.map((unit) => this.quadrant(unit));
    if (String(this.pair) !== this.drawnPair) this.place(units);
    this.drawnPair = String(this.pair);
    const look = Int16Array.from(units, (unit) => kinds[unit] + (gone.has(unit) ? 4 : 0));
    this.map.show({ marks: this.marks, look });
    this.map.draw();
    const groups = this.marks.slice(0, 4).map((mark, k) => {
      return { mark, name: mark.name, chosen: gone, rows: units.filter((unit) => kinds[unit] === k) };
    });
    const toggle = (own, all) => (all ? this.restore(own) : this.remove(own));
    this.renew(this.groups, this.legend(groups, toggle));
    this.report(groups);
  }
  /** Two tasks: where the units lie, what they are called, and the controls that name the tasks. */
  place(units) {
    const { tasks } = this.facts;
    const { pair } = this;
    const [one, two] = this.names;
    const colours = [...pair.map((t) => tasks[t].colour), INK, GREY];
    const marks = this.words.kinds.map((kind, k) => {
      return { name: filled(kind, { one, two }), colour: colours[k], shape: SHAPES[k] };
    });
    this.marks = [...marks, ...marks.map((mark) => ({ ...mark, hollow: true }))];
    const ends = pair.map((t) => units.flatMap((unit) => this.ends(t, unit)));
    const [x, y] = ends.map((values) => [Math.min(-1, ...values), Math.max(1, ...values)]);
    const points = units.flatMap((unit) => pair.map((t) => this.bend(this.rise(t, unit))));
    this.map.show({ box: [...x, ...y], points: Float32Array.from(points) });
    this.renew(this.pickers, [this.picker("across", 0), this.picker("upwards", 1)]);
    const most = pair.map((t) => {
      const words = `${this.most} most important for ${cut(tasks[t].name, 20)}`;
      return this.button(words, () => this.remove(this.mostImportant(t)), "mtl-most");
    });
    this.buttons.replaceChildren(
      ...most,
      this.button("Restore all", () => this.clear(), "mtl-restore"),
    );
  }
  /** Chooses the task of one axis, among all but the other axis's. */
  picker(name, side) {
    const { tasks } = this.facts;
    const { pair } = this;
    const others = range(tasks.length).filter((t) => t !== pair[1 - side]);
    const names = others.map((t) => tasks[t].name);
    const choose = (i) => this.set("pair", side ? [pair[0], others[i]] : [others[i], pair[1]]);
    return this.select(`task ${name}`, names, others.indexOf(pair[side]), choose);
  }
  /** Both tasks' loss and score: as number lines, in the status line and as the map's alt text. */
  report(groups) {
    const { tasks, d } = this.facts;
    const { pair, removed, words } = this;
    const found = pair.map((t) => ({
      task: tasks[t],
      now: this.without(t, removed),
      intact: this.without(t, []),
      chance: removed.length ? this.atRandom(t, removed.length) : null,
    }));
    const strips = found.flatMap((one) => [
      this.strip(one, "loss", "loss", ""),
      this.strip(one, "score", one.task.score, one.task.unit),
    ]);
    this.table.replaceChildren(...strips);
    const start = filled(removed.length ? words.removed : words.whole, { count: removed.length, d });
    this.gone.textContent = start;
    const status = filled(words.status, { start, tasks: found.map((one) => this.sentence(one)).join("; ") });
    this.say(status);
    const [one, two] = this.names;
    const counts = groups.map(({ name, rows }) => `${name} ${rows.length}`).join(", ");
    this.map.canvas.setAttribute("aria-label", filled(words.map, { d, one, two, counts, status }));
  }
  sentence({ task, now, intact, chance }) {
    return filled(chance ? this.words.hurt : this.words.intact, {
      task: task.name,
      score_name: task.score,
      loss: about(now.loss),
      score: about(now.score, task.unit),
      intact_loss: about(intact.loss),
      intact_score: about(intact.score, task.unit),
      random_loss: about(chance?.loss.mean),
    });
  }
  /** A number line: with all units, now, and with as many removed at random. */
  strip({ task, now, intact, chance }, what, name, unit) {
    const random = chance?.[what];
    const facts = {
      "data-task": task.name,
      "data-what": what,
      "data-now": now[what],
      "data-random": random?.mean ?? "",
    };
    const beside = random
      ? filled(this.words.strip, {
          intact: about(intact[what], unit),
          mean: about(random.mean, unit),
          low: rounded(random.low, unit),
          high: rounded(random.high, unit),
        })
      : "";
    const title = html("span", {}, `${cut(task.name, 20)} ${name} `);
    const value = html("b", {}, about(now[what], unit));
    return html(
      "div",
      { class: "mtl-strip", ...facts },
      html("div", {}, title, value, html("span", { class: "mtl-small" }, ` ${beside}`)),
      this.track(task, now[what], intact[what], random, unit),
    );
  }
  track(task, now, intact, random, unit) {
    const top = unit === "%" ? 1 : 1.1 * Math.max(now, 1.4 * intact, random?.high ?? 0);
    const at = (value) => `${100 * Math.min(1, Math.max(0, value / top))}%`;
    const mark = (kind, style) => html("i", { class: `mtl-${kind}`, style });
    const marks = [mark("intact", `left:${at(intact)}`), mark("now", `left:${at(now)};background:${task.colour}`)];
    if (random) {
      const span = `left:${at(random.low)};right:calc(100% - ${at(random.high)})`;
      marks.unshift(mark("random", span), mark("mean", `left:${at(random.mean)}`));
    }
    return html("div", { class: "mtl-track", "aria-hidden": "true" }, marks);
  }
  /** Where a rise lies on an axis: stretched near 0, since most rises are small. */
  bend(value) {
    return Math.asinh(value / this.facts.stretch);
  }
  /** One standard error to either side of a unit's rise, on an axis. */
  ends(t, unit) {
    return [-1, 1].map((side) => this.bend(this.rise(t, unit) + side * this.error(t, unit)));
  }
  axes(pen) {
    const { map } = this;
    const { tasks, d } = this.facts;
    const [top, right, bottom, left] = [ROOM[0], map.width - ROOM[1], map.height - ROOM[2], ROOM[3]];
    const [x0, x1, y0, y1] = map.box;
    pen.font = '12px "DejaVu Sans", Verdana, system-ui, sans-serif';
    pen.fillStyle = INK;
    pen.lineWidth = 1;
    pen.textAlign = "center";
    for (const { at, text, colour } of this.ticks(x0, x1, (value) => map.x(value), 44)) {
      line(pen, at, top, at, bottom, colour);
      pen.fillText(text, at, bottom + 16);
    }
    pen.textAlign = "right";
    for (const { at, text, colour } of this.ticks(y0, y1, (value) => map.y(value), 20)) {
      line(pen, left, at, right, at, colour);
      pen.fillText(text, left - 6, at + 4);
    }
    const [across, upwards] = this.pair.map((t) => cut(tasks[t].name, 24));
    pen.textAlign = "center";
    pen.fillText(`${filled(this.words.across, { task: across })} →`, (left + right) / 2, map.height - 8);
    pen.save();
    pen.translate(13, (top + bottom) / 2);
    pen.rotate(-Math.PI / 2);
    pen.fillText(`${filled(this.words.upwards, { task: upwards })} →`, 0, 0);
    pen.restore();
    for (const unit of range(d)) this.bars(pen, unit);
  }
  /** 0 and powers of ten on an axis from low to high, `room` pixels or more apart. */
  ticks(low, high, place, room) {
    const least = Math.floor(Math.log10(this.facts.stretch));
    const powers = range(9).map((k) => 10 ** (least + k));
    const kept = [];
    for (const value of [0, ...powers.flatMap((power) => [power, -power])]) {
      const bent = this.bend(value);
      const at = place(bent);
      if (bent < low || bent > high || kept.some((other) => Math.abs(other.at - at) < room)) continue;
      const text = String(Number(value.toPrecision(1))).replace("-", "−");
      kept.push({ at, text, colour: value === 0 ? GREY : FAINT });
    }
    return kept;
  }
  /** A unit's standard errors. */
  bars(pen, unit) {
    const { map } = this;
    const [a, b] = this.pair;
    const x = map.x(this.bend(this.rise(a, unit)));
    const y = map.y(this.bend(this.rise(b, unit)));
    const [left, right] = this.ends(a, unit);
    const [low, high] = this.ends(b, unit);
    line(pen, map.x(left), y, map.x(right), y, PALE);
    line(pen, x, map.y(low), x, map.y(high), PALE);
  }

  // pointing

  described(unit) {
    const { pair, words, removed } = this;
    const rise = (t) => ({ task: this.facts.tasks[t].name, rise: about(this.rise(t, unit)) });
    const rises = pair.map((t) => filled(words.rise, { ...rise(t), error: rounded(this.error(t, unit)) })).join(", ");
    const template = words[removed.includes(unit) ? "removed unit" : "unit"];
    return filled(template, { unit, rises, kind: this.marks[this.quadrant(unit)].name });
  }
  ring(unit) {
    if (unit === this.map.ring) return;
    this.map.ring = unit;
    this.map.draw();
  }
  point(unit) {
    this.ring(unit);
    this.told.textContent = unit < 0 ? "" : this.described(unit);
  }
  hover(unit, place) {
    this.ring(unit);
    if (unit < 0) this.tell(this.map);
    else this.tell(this.map, place, html("div", {}, this.described(unit)));
  }
  /** Left and right go along the first task's rise, down and up along the second's; Enter removes or restores. */
  key(event) {
    const { ring } = this.map;
    const way = WAYS[event.key];
    if (!way && !["Enter", " "].includes(event.key)) return;
    event.preventDefault();
    if (way) return this.point(this.neighbour(ring, ...way));
    if (ring < 0) return;
    this.toggle([ring]);
    this.point(ring);
  }
  /** The next unit along a task's rise; from nowhere the one with the greatest. */
  neighbour(unit, side, step) {
    const t = this.pair[side];
    const order = range(this.facts.d).sort((a, b) => this.rise(t, a) - this.rise(t, b));
    if (unit < 0) return order.at(-1);
    return order[Math.min(order.length - 1, Math.max(0, order.indexOf(unit) + step))];
  }
}

function line(pen, x0, y0, x1, y1, colour) {
  pen.strokeStyle = colour;
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
  pen.stroke();
}

/** The loss and the merit of one answer (tasks.py). */
function judged(loss, z, y) {
  if (loss === "Regression") return Array(2).fill((z[0] - y) ** 2);
  if (loss === "Binary")
    return [Math.max(z[0], 0) - z[0] * y + Math.log1p(Math.exp(-Math.abs(z[0]))), Number(z[0] > 0 === (y === 1))];
  let best = 0;
  let total = 0;
  for (let j = 1; j < z.length; j++) if (z[j] > z[best]) best = j;
  for (let j = 0; j < z.length; j++) total += Math.exp(z[j] - z[best]);
  return [z[best] + Math.log(total) - z[y], Number(best === y)];
}

function render({ model, el }) {
  const panel = new Lab(model, el);
  return () => panel.close();
}
export default { render };
export { rounded }; // which a test holds against the figures'
