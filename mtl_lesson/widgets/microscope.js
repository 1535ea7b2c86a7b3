// The λ microscope in the browser: maps that glide from frame to frame. common.js stands before it.

const GLIDE = 250; // milliseconds that the points take from one frame to the next
const SIDE = 84; // pixels that a picture is wide under the pointer
const BLUE = "#0072B2";

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
    const { frames, axis, n, step } = this.facts;
    this.row = new Map([...this.data.numbers].map((number, row) => [number, row]));
    this.now = new Float32Array(4 * n); // where the points are drawn: n pairs for one task and n for the other
    this.maps = [0, 1].map((t) => this.mapOf(t));
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
    const bar = html("div", { class: "mtl-bar" }, this.big, this.slider, this.note);
    const figures = this.maps.map((map, t) => this.figure(map, this.facts.tasks[t]));
    return [bar, this.readout, html("div", { class: "mtl-maps" }, figures, this.side(), this.card), this.status];
  }
  mapOf(t) {
    const { n, box } = this.facts;
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
  }
  figure(map, task) {
    const mark = html("i", { style: `background:${task.colour}` });
    const caption = html("figcaption", {}, mark, "features of ", html("strong", {}, cut(task.name, 30)));
    return html("figure", {}, caption, map.canvas);
  }
  side() {
    this.groups = html("div", { class: "mtl-legend", role: "group", "aria-label": "groups" });
    this.chosen = html("p", { class: "mtl-chosen" });
    const names = this.facts.colours.map((one) => one.name);
    const { colour } = this.model.get("at");
    const choose = (i) => this.set("at", { ...this.model.get("at"), colour: i });
    const clear = this.button("Clear the selection", () => this.clear(), "mtl-clear");
    const select = names.length ? this.select("colour by", names, colour, choose) : null;
    return html("div", { class: "mtl-side" }, select, this.groups, this.chosen, clear);
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
    const { n, colours } = this.facts;
    const rows = this.model.get("selected").map((number) => this.row.get(number));
    const groups = colour === null ? null : colours[colour].groups;
    const look = groups ? this.data.labels.subarray(colour * n, (colour + 1) * n) : new Int16Array(n);
    this.mark(rows, groups, look);
    this.report(frame, colour, this.counted(rows, groups, look));
    if (groups) this.offer(groups, look, rows);
    if (frame === this.frame) this.redraw();
    else this.glide(frame, this.frame === undefined);
  }
  /** Gives every point its mark; where some are selected, those stand out. */
  mark(rows, groups, look) {
    this.plain ??= [{ colour: BLUE, shape: "circle" }];
    const bright = rows.length ? new Uint8Array(this.facts.n) : null;
    for (const row of rows) bright[row] = 1;
    for (const map of this.maps) map.show({ look, bright, marks: groups ?? this.plain });
  }
  /** What is read off a frame and how many are selected: in numbers, in the status line and as the maps' alt texts. */
  report(frame, colour, selection) {
    const { frames, colours, tasks, n, split } = this.facts;
    const { label, read, text } = frames[frame];
    this.slider.value = frame;
    this.slider.setAttribute("aria-valuetext", label);
    this.big.textContent = label;
    const item = ([name, value, beside]) => html("li", {}, `${name} `, html("b", {}, value), ` ${beside}`);
    this.readout.replaceChildren(...read.map(item));
    this.chosen.textContent = selection;
    const status = filled(this.words.status, { frame: text, selection });
    this.say(status);
    const template = this.words[colour === null ? "map" : "coloured map"];
    const told = { count: thousands(n), split, colour: colours[colour]?.name, status };
    for (const [t, map] of this.maps.entries())
      map.canvas.setAttribute("aria-label", filled(template, { ...told, task: tasks[t].name }));
  }
  /** The groups as buttons that select them; "no label" only where there is such a point. */
  offer(groups, look, rows) {
    const chosen = new Set(rows);
    const all = groups.map((mark) => ({ mark, name: mark.name, chosen, rows: [] }));
    for (const [row, k] of look.entries()) all[k].rows.push(row);
    if (!all.at(-1).rows.length) all.pop();
    const toggle = (own, pressed) => {
      const out = new Set(own);
      this.choose(pressed ? rows.filter((row) => !out.has(row)) : [...new Set([...rows, ...own])]);
    };
    this.renew(this.groups, this.legend(all, toggle));
  }
  /** How many are selected, and of which groups. */
  counted(rows, groups, look) {
    const { words } = this;
    if (!rows.length) return words.nothing;
    const pictures = rows.length === 1 ? words.one : filled(words.many, { count: thousands(rows.length) });
    if (!groups) return pictures;
    const counts = groups.map(() => 0);
    for (const row of rows) counts[look[row]] += 1;
    const last = groups.length - 1; // the points without a label: of equally frequent groups they come first
    const order = [last, ...range(last)].filter((k) => counts[k]).sort((a, b) => counts[b] - counts[a]);
    const named = order.slice(0, this.facts.told);
    const parts = named.map((k) => filled(words.class, { name: groups[k].name, count: thousands(counts[k]) }));
    const rest = rows.length - sum(named.map((k) => counts[k]));
    if (rest) parts.push(filled(words.others, { count: thousands(rest) }));
    return filled(words.counted, { pictures, classes: parts.join(", ") });
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
  /** Rings a point in both maps and shows what is known of its picture. */
  hover(map, row, place) {
    if (row !== this.maps[0].ring) {
      for (const one of this.maps) one.ring = row;
      this.redraw();
    }
    if (row < 0) return this.tell(map);
    const { colours, n } = this.facts;
    const labels = colours.map(({ name, groups }, k) =>
      html("div", {}, `${name}: `, html("b", {}, groups[this.data.labels[k * n + row]].name)),
    );
    const number = html("div", { class: "mtl-small" }, `picture ${this.data.numbers[row]}`);
    this.tell(map, place, ...(this.pictures ? [this.picture(row)] : []), html("div", {}, number, labels));
  }
  picture(row) {
    const { cell, width, height, columns } = this.facts.sprite;
    const picture = html("canvas", { width: SIDE, height: Math.round((SIDE * height) / width) });
    const pen = picture.getContext("2d");
    pen.imageSmoothingEnabled = false;
    const from = [(row % columns) * cell, Math.floor(row / columns) * cell, width, height];
    pen.drawImage(this.pictures, ...from, 0, 0, picture.width, picture.height);
    return picture;
  }
}

function render({ model, el }) {
  const panel = new Microscope(model, el);
  return () => panel.close();
}
export default { render };
