// The lesion lab in the browser: the scores without any units, computed as they are removed. common.js stands before it.

const GREY = "#6E6E6E";
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
      { square: false, radius: 5, room: [14, 16, 44, 74] },
    );
    this.maps = [this.map];
    this.map.canvas.tabIndex = 0;
    this.map.canvas.addEventListener(
      "keydown",
      this.safely((event) => this.key(event)),
    );
    this.map.canvas.addEventListener("blur", () => this.point(-1));
    this.map.under = (pen) => this.axes(pen);
    this.cache = new Map();
    this.pickers = html("div", { class: "mtl-bar" });
    this.groups = html("div", { class: "mtl-legend", role: "group", "aria-label": "quadrants: press to remove" });
    this.buttons = html("div", { class: "mtl-bar" });
    this.told = html("p", { class: "mtl-unit mtl-small", role: "status", "aria-live": "polite" });
    this.table = html("div", { class: "mtl-strips" });
    this.most = Math.min(MANY, this.facts.d);
    this.gone = html("strong", {});
    const side = html(
      "div",
      { class: "mtl-side" },
      this.groups,
      this.buttons,
      this.gone,
      this.table,
      html(
        "p",
        { class: "mtl-small" },
        "● now   │ all units in place   ▬ as many units at random: mean and range of 20",
      ),
    );
    return [
      this.pickers,
      html("div", { class: "mtl-maps" }, html("figure", {}, this.map.canvas, this.told), side, this.card),
      this.status,
    ];
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
    const [one, other] = this.pair.map((t) => this.rise(t, unit) > this.facts.certain * this.error(t, unit));
    return one ? (other ? 2 : 0) : other ? 1 : 3;
  }

  // drawing

  draw() {
    const { tasks, d, stretch } = this.facts;
    const { pair, removed } = this;
    const units = range(d);
    const gone = new Set(removed);
    const names = pair.map((t) => tasks[t].name);
    const bend = (value) => Math.asinh(value / stretch);
    const kinds = units.map((unit) => this.quadrant(unit));
    const kind = [
      [`${names[0]} only`, tasks[pair[0]].colour, "square"],
      [`${names[1]} only`, tasks[pair[1]].colour, "triangle"],
      ["both", INK, "circle"],
      ["idle", GREY, "diamond"],
    ].map(([name, colour, shape]) => ({ name, colour, shape }));
    if (String(pair) !== this.drawnPair) {
      this.drawnPair = String(pair);
      this.marks = [...kind, ...kind.map((mark) => ({ ...mark, hollow: true }))];
      const ends = pair.map((t) =>
        units.flatMap((unit) => [-1, 1].map((side) => bend(this.rise(t, unit) + side * this.error(t, unit)))),
      );
      const [x, y] = ends.map((values) => [Math.min(-1, ...values), Math.max(1, ...values)]);
      this.map.show({
        box: [...x, ...y],
        points: Float32Array.from(units.flatMap((unit) => pair.map((t) => bend(this.rise(t, unit))))),
      });
      const others = (side) => tasks.map((_, t) => t).filter((t) => t !== pair[1 - side]);
      this.renew(
        this.pickers,
        ["across", "upwards"].map((name, side) =>
          this.select(
            `task ${name}`,
            others(side).map((t) => tasks[t].name),
            others(side).indexOf(pair[side]),
            (i) =>
              this.set(
                "pair",
                pair.map((old, other) => (other === side ? others(side)[i] : old)),
              ),
          ),
        ),
      );
      this.buttons.replaceChildren(
        ...pair.map((t, side) =>
          this.button(
            `${this.most} most important for ${cut(names[side], 20)}`,
            () => this.remove([...units].sort((a, b) => this.rise(t, b) - this.rise(t, a)).slice(0, this.most)),
            "mtl-most",
          ),
        ),
        this.button("Restore all", () => this.clear(), "mtl-restore"),
      );
    }
    this.map.show({
      marks: this.marks,
      look: Int16Array.from(units, (unit) => kinds[unit] + (gone.has(unit) ? 4 : 0)),
    });
    this.map.draw();
    this.renew(
      this.groups,
      this.legend(
        kind.map((mark, k) => ({
          mark,
          name: mark.name,
          chosen: gone,
          rows: units.filter((unit) => kinds[unit] === k),
        })),
        (own, all) => (all ? this.restore(own) : this.remove(own)),
      ),
    );
    const found = pair.map((t) => ({
      task: tasks[t],
      now: this.without(t, removed),
      intact: this.without(t, []),
      chance: removed.length ? this.atRandom(t, removed.length) : null,
    }));
    this.table.replaceChildren(
      ...found.flatMap((one) => [
        this.strip(one, "loss", "loss", ""),
        this.strip(one, "score", one.task.score, one.task.unit),
      ]),
    );
    const said = found.map(
      ({ task, now, intact, chance }) =>
        `${task.name} loss ${about(now.loss)}${chance ? ` (intact ${about(intact.loss)}, as many at random ${about(chance.loss.mean)})` : ""}` +
        `, ${task.score} ${about(now.score, task.unit)}${chance ? ` (intact ${about(intact.score, task.unit)})` : ""}`,
    );
    this.gone.textContent = removed.length ? `${removed.length} of ${d} units removed` : `all ${d} units in place`;
    const text = `${this.gone.textContent}: ${said.join("; ")}`;
    if (this.status.textContent !== text) this.status.textContent = text;
    const counts = kind.map((mark, k) => `${mark.name} ${kinds.filter((one) => one === k).length}`).join(", ");
    this.map.canvas.setAttribute(
      "aria-label",
      `${d} units by the rise of the loss of ${names[0]} (across) and of ${names[1]} (upwards) without each: ${counts}. ${text}. ` +
        "Arrow keys go from unit to unit, Enter removes one or puts it back.",
    );
  }
  /** A number line: with all units, now, and with as many removed at random. */
  strip({ task, now, intact, chance }, what, name, unit) {
    const all = [now[what], intact[what], ...(chance ? [chance[what].high] : [])];
    const top = unit === "%" ? 1 : 1.1 * Math.max(...all, 1.4 * intact[what]);
    const at = (value) => `${100 * Math.min(1, Math.max(0, value / top))}%`;
    const mark = (kind, style) => html("i", { class: `mtl-${kind}`, style });
    const marks = [
      mark("intact", `left:${at(intact[what])}`),
      mark("now", `left:${at(now[what])};background:${task.colour}`),
    ];
    if (chance)
      marks.unshift(
        mark("random", `left:${at(chance[what].low)};right:calc(100% - ${at(chance[what].high)})`),
        mark("mean", `left:${at(chance[what].mean)}`),
      );
    const words = chance
      ? ` intact ${about(intact[what], unit)}, at random ${about(chance[what].mean, unit)} (${rounded(chance[what].low, unit)} to ${rounded(chance[what].high, unit)})`
      : "";
    return html(
      "div",
      {
        class: "mtl-strip",
        "data-task": task.name,
        "data-what": what,
        "data-now": now[what],
        "data-random": chance ? chance[what].mean : "",
      },
      html(
        "div",
        {},
        html("span", {}, `${cut(task.name, 20)} ${name} `),
        html("b", {}, about(now[what], unit)),
        html("span", { class: "mtl-small" }, words),
      ),
      html("div", { class: "mtl-track", "aria-hidden": "true" }, marks),
    );
  }
  axes(pen) {
    // stretched near 0: most rises are small
    const { map } = this;
    const { stretch, tasks } = this.facts;
    const [x0, x1, y0, y1] = map.box;
    const bend = (value) => Math.asinh(value / stretch);
    const [left, right, top, bottom] = [74, map.width - 16, 14, map.height - 44];
    const names = this.pair.map((t) => cut(tasks[t].name, 24));
    const least = Math.floor(Math.log10(stretch));
    const powers = range(9).map((k) => 10 ** (least + k));
    const ticks = [0, ...powers.flatMap((power) => [power, -power])];
    pen.font = '12px "DejaVu Sans", Verdana, system-ui, sans-serif';
    pen.lineWidth = 1;
    const put = (low, high, place, room, write) => {
      const taken = [];
      for (const value of ticks) {
        const at = place(bend(value));
        if (bend(value) < low || bend(value) > high || taken.some((other) => Math.abs(other - at) < room)) continue;
        taken.push(at);
        write(at, String(Number(value.toPrecision(1))).replace("-", "−"), value === 0);
      }
    };
    const line = (a, b, c, d, colour) => {
      pen.strokeStyle = colour;
      pen.beginPath();
      pen.moveTo(a, b);
      pen.lineTo(c, d);
      pen.stroke();
    };
    pen.fillStyle = INK;
    pen.textAlign = "center";
    put(
      x0,
      x1,
      (value) => map.x(value),
      44,
      (at, text, zero) => {
        line(at, top, at, bottom, zero ? GREY : "#EFEFEF");
        pen.fillText(text, at, bottom + 16);
      },
    );
    pen.textAlign = "right";
    put(
      y0,
      y1,
      (value) => map.y(value),
      20,
      (at, text, zero) => {
        line(left, at, right, at, zero ? GREY : "#EFEFEF");
        pen.fillText(text, left - 6, at + 4);
      },
    );
    pen.textAlign = "center";
    pen.fillText(`rise of ${names[0]}'s loss without the unit →`, (left + right) / 2, map.height - 8);
    pen.save();
    pen.translate(13, (top + bottom) / 2);
    pen.rotate(-Math.PI / 2);
    pen.fillText(`rise of ${names[1]}'s loss →`, 0, 0);
    pen.restore();
    range(this.facts.d).forEach((unit) => {
      // one standard error to either side
      const [[a, ea], [b, eb]] = this.pair.map((t) => [this.rise(t, unit), this.error(t, unit)]);
      const x = map.x(bend(a));
      const y = map.y(bend(b));
      line(map.x(bend(a - ea)), y, map.x(bend(a + ea)), y, PALE);
      line(x, map.y(bend(b - eb)), x, map.y(bend(b + eb)), PALE);
    });
  }

  // pointing

  words(unit) {
    const rises = this.pair.map(
      (t) => `${this.facts.tasks[t].name} ${about(this.rise(t, unit))} (± ${rounded(this.error(t, unit))})`,
    );
    return `unit ${unit}, rise of the loss without it: ${rises.join(", ")}; ${this.map.marks[this.quadrant(unit)].name}${this.removed.includes(unit) ? ", removed" : ""}`;
  }
  point(unit) {
    this.map.ring = unit;
    this.map.draw();
    this.told.textContent = unit < 0 ? "" : this.words(unit);
  }
  hover(unit, place) {
    if (unit !== this.map.ring) {
      this.map.ring = unit;
      this.map.draw();
    }
    unit < 0 ? this.tell(this.map) : this.tell(this.map, place, html("div", {}, this.words(unit)));
  }
  key(event) {
    // left and right go along the first task's rise, down and up along the second's
    const way = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1] }[event.key];
    const { ring } = this.map;
    if (!way && !["Enter", " "].includes(event.key)) return;
    event.preventDefault();
    if (!way) {
      if (ring >= 0) {
        this.toggle([ring]);
        this.point(ring);
      }
      return;
    }
    const t = this.pair[way[0]];
    const order = range(this.facts.d).sort((a, b) => this.rise(t, a) - this.rise(t, b));
    this.point(ring < 0 ? order.at(-1) : order[Math.min(order.length - 1, Math.max(0, order.indexOf(ring) + way[1]))]);
  }
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
