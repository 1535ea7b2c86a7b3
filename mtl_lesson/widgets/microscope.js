// The λ microscope in the browser: maps that glide from frame to frame. common.js stands before it.

const GLIDE = 250; // milliseconds that the points take from one frame to the next
const BLUE = "#0072B2";
const NAMED = 5; // groups that a selection names; the rest are counted together

class Microscope extends Panel {
  constructor(model, el) {
    const [one, two] = model.get("facts").tasks;
    super(model, el, "microscope", `microscope: ${one.name} and ${two.name}`, ["at", "selected"]);
    const sprite = model.get("sprite");
    if (this.facts.sprite)
      createImageBitmap(new Blob([sprite], { type: "image/jpeg" })).then((image) => {
        this.pictures = image;
      });
  }
  build() {
    const { tasks, frames, colours, axis, n, box, step } = this.facts;
    const { colour } = this.model.get("at");
    this.row = new Map([...this.data.numbers].map((number, row) => [number, row]));
    this.now = new Float32Array(4 * n); // where the points are drawn: n pairs for one task and n for the other
    this.maps = tasks.map((_, t) => {
      const map = this.scatter(
        {
          hover: (row, place) => this.hover(map, row, place),
          pick: (row) => this.choose(row < 0 ? [] : [row]),
          lasso: (rows) => this.choose(rows),
        },
        { radius: n > 3000 ? 2.2 : 3 },
      );
      map.show({ box, points: this.now.subarray(2 * n * t, 2 * n * (t + 1)) });
      return map;
    });
    this.coordinates = (frame) =>
      Float32Array.from(this.data.points.subarray(4 * n * frame, 4 * n * (frame + 1)), (value) => value * step);
    this.slider = html("input", {
      type: "range",
      min: 0,
      max: frames.length - 1,
      step: 1,
      "aria-label": axis || "model",
      disabled: frames.length < 2,
      oninput: this.safely(() => this.set("at", { ...this.model.get("at"), frame: Number(this.slider.value) })),
    });
    this.big = html("output", { class: "mtl-letter" });
    this.note = html("span", { class: "mtl-small mtl-between" });
    this.readout = html("ul", { class: "mtl-readout" });
    this.groups = html("div", { class: "mtl-legend", role: "group", "aria-label": "groups" });
    this.chosen = html("p", { class: "mtl-chosen" });
    const byColour = colours.length
      ? this.select(
          "colour by",
          colours.map((one) => one.name),
          colour,
          (i) => this.set("at", { ...this.model.get("at"), colour: i }),
        )
      : null;
    const bar = html("div", { class: "mtl-bar" }, this.big, this.slider, this.note);
    const figures = this.maps.map((map, t) =>
      html(
        "figure",
        {},
        html(
          "figcaption",
          {},
          html("i", { style: `background:${tasks[t].colour}` }),
          "features of ",
          html("strong", {}, cut(tasks[t].name, 30)),
        ),
        map.canvas,
      ),
    );
    const side = html(
      "div",
      { class: "mtl-side" },
      byColour,
      this.groups,
      this.chosen,
      this.button("Clear the selection", () => this.clear(), "mtl-clear"),
    );
    return [bar, this.readout, html("div", { class: "mtl-maps" }, figures, side, this.card), this.status];
  }
  clear() {
    this.choose([]);
  }
  choose(rows) {
    this.set(
      "selected",
      rows.map((row) => this.data.numbers[row]).sort((a, b) => a - b),
    );
  }
  draw() {
    const { frame, colour } = this.model.get("at");
    const { frames, colours, tasks, n, split } = this.facts;
    const shown = frames[frame];
    const rows = this.model.get("selected").map((number) => this.row.get(number));
    const chosen = new Set(rows);
    const look = colour === null ? new Int16Array(n) : this.data.labels.subarray(colour * n, (colour + 1) * n);
    const bright = rows.length ? Uint8Array.from({ length: n }, (_, row) => Number(chosen.has(row))) : null;
    this.plain ??= [{ colour: BLUE, shape: "circle" }];
    for (const map of this.maps)
      map.show({ look, bright, marks: colour === null ? this.plain : colours[colour].groups });
    const selection = this.counted(rows, colour === null ? null : colours[colour].groups, look);
    const text = `${shown.text}. ${selection}`;
    this.slider.value = frame;
    this.slider.setAttribute("aria-valuetext", shown.label);
    this.big.textContent = shown.label;
    this.readout.replaceChildren(
      ...shown.read.map(([name, value, beside]) => html("li", {}, `${name} `, html("b", {}, value), ` ${beside}`)),
    );
    this.chosen.textContent = selection;
    if (this.status.textContent !== text) this.status.textContent = text;
    const by = colour === null ? "" : `, coloured by ${colours[colour].name}`;
    this.maps.forEach((map, t) => {
      const what = `Map of the features of ${tasks[t].name}: ${thousands(n)} ${split} pictures${by}`;
      map.canvas.setAttribute("aria-label", `${what}. ${text}.`);
    });
    if (colour !== null)
      this.renew(
        this.groups,
        this.legend(
          colours[colour].groups
            .map((mark, k) => ({ mark, name: mark.name, chosen, rows: range(n).filter((row) => look[row] === k) }))
            .filter(({ rows }, k) => k < colours[colour].groups.length - 1 || rows.length),
          (own, all) => this.choose(all ? rows.filter((row) => !own.includes(row)) : [...new Set([...rows, ...own])]),
        ),
      );
    if (frame === this.frame) this.redraw();
    else this.glide(frame, this.frame === undefined);
  }
  /** How many are selected, and of which groups: the same words as Python's, in `selection`. */
  counted(rows, groups, look) {
    if (!rows.length) return "nothing selected";
    const start = `${thousands(rows.length)} picture${rows.length > 1 ? "s" : ""}`;
    if (!groups) return start;
    const counts = groups.map(() => 0);
    const last = groups.length - 1;
    for (const row of rows) counts[look[row]] += 1;
    const order = [last, ...range(last)].filter((k) => counts[k]).sort((a, b) => counts[b] - counts[a]);
    const rest = sum(order.slice(NAMED).map((k) => counts[k]));
    return `${start}: ${[...order.slice(0, NAMED).map((k) => `${groups[k].name} ${thousands(counts[k])}`), ...(rest ? [`others ${thousands(rest)}`] : [])].join(", ")}`;
  }
  /** From where the points are drawn to a frame; what is drawn on the way is interpolated, and the note says so. */
  glide(frame, atOnce) {
    cancelAnimationFrame(this.gliding);
    const from = this.now.slice();
    const goal = this.coordinates(frame);
    const start = performance.now();
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.frame = frame;
    const go = this.safely((time) => {
      const t = atOnce || calm ? 1 : Math.min(1, Math.max(0, (time - start) / GLIDE));
      const eased = t * t * (3 - 2 * t);
      for (let i = 0; i < goal.length; i++) this.now[i] = from[i] + (goal[i] - from[i]) * eased;
      this.note.textContent = t < 1 ? "interpolated" : "";
      this.redraw();
      if (t < 1) this.gliding = requestAnimationFrame(go);
    });
    go(start);
  }
  hover(map, row, place) {
    if (row !== this.maps[0].ring)
      this.maps.forEach((one) => {
        one.ring = row;
        one.draw();
      });
    if (row < 0) return this.tell(map);
    const { colours, n, sprite } = this.facts;
    const lines = colours.map(({ name, groups }, k) =>
      html("div", {}, `${name}: `, html("b", {}, groups[this.data.labels[k * n + row]].name)),
    );
    const parts = [html("div", {}, html("div", { class: "mtl-small" }, `picture ${this.data.numbers[row]}`), lines)];
    if (this.pictures) {
      const { cell, width, height, columns } = sprite;
      const side = 84;
      const picture = html("canvas", { width: side, height: Math.round((side * height) / width) });
      const pen = picture.getContext("2d");
      pen.imageSmoothingEnabled = false;
      pen.drawImage(
        this.pictures,
        (row % columns) * cell,
        Math.floor(row / columns) * cell,
        width,
        height,
        0,
        0,
        picture.width,
        picture.height,
      );
      parts.unshift(picture);
    }
    this.tell(map, place, ...parts);
  }
}

function render({ model, el }) {
  const panel = new Microscope(model, el);
  return () => panel.close();
}
export default { render };
