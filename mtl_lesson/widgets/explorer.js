// The λ explorer in the browser; common.js stands before it. Python sends every number and sentence once (`facts`); `at`
// says what is on show and goes back and forth.

const GREY = "#6E6E6E";
const BLUE = "#0072B2";
const VERMILLION = "#D55E00";
const HEIGHT = 192; // of a view, in pixels
const LEAST = 0.001; // the least gap drawn: on a logarithmic scale 0 has no place

// --- small tools -----------------------------------------------------------------------------------------------------

const finite = (values) => values.flat(9).filter((value) => value !== null && value !== undefined);
const least = (items, size) => items.reduce((best, one) => (size(one) < size(best) ? one : best)); // or the first of them
const fit = (text, room) =>
  room / LETTER < 5 ? text.slice(0, Math.max(1, Math.floor(room / LETTER))) : cut(text, Math.floor(room / LETTER));
const joined = (...sentences) => sentences.flat().filter(Boolean).join(" ");

function mixed(one, two, share) {
  // of two colours #rrggbb
  const part = (colour, k) => parseInt(colour.slice(2 * k + 1, 2 * k + 3), 16);
  const both = (k) => Math.round(part(one, k) * (1 - share) + part(two, k) * share);
  return `#${[0, 1, 2].map((k) => both(k).toString(16).padStart(2, "0")).join("")}`;
}
const SHADES = ["#F7FAFC", "#BFDDEE", "#74B4DA", "#1273AD", "#00507F"]; // those of the course's maps
function shade(share) {
  const at = Math.min(0.9999, Math.max(0, share)) * 4;
  return mixed(SHADES[Math.floor(at)], SHADES[Math.floor(at) + 1], at % 1);
}

// --- marks -----------------------------------------------------------------------------------------------------------

const line = (x1, y1, x2, y2, attributes = {}) => svg("line", { x1, y1, x2, y2, stroke: GREY, ...attributes });
function star(x, y, r, fill) {
  const corner = (k) =>
    [x, y].map((at, i) => at + (k % 2 ? 0.45 * r : r) * [Math.sin, (c) => -Math.cos(c)][i]((Math.PI * k) / 5));
  return svg("path", { d: `${track(range(10).map(corner))}Z`, fill, stroke: INK, "stroke-width": 1 });
}

// --- views -----------------------------------------------------------------------------------------------------------

/** A picture with a caption and alt text. What stays while λ moves is drawn by `still`, the rest by `move`. */
class View {
  constructor(name, title, ...controls) {
    const id = `mtl-clip-${Math.random().toString(36).slice(2)}`; // ids are the page's, and there may be several explorers
    this.under = svg("g");
    this.over = svg("g");
    this.edge = svg("rect");
    this.inside = { "clip-path": `url(#${id})` };
    this.picture = svg(
      "svg",
      { role: "img", height: HEIGHT },
      svg("clipPath", { id }, this.edge),
      this.under,
      this.over,
    );
    this.caption = html("figcaption", {}, html("strong", {}, title), ...controls);
    this.figure = html("figure", { class: `mtl-view mtl-${name}` }, this.caption, this.picture);
  }
  draw(show) {
    this.width = Math.max(200, this.picture.clientWidth || 300);
    this.under.replaceChildren(...this.still(show).flat());
    this.moveTo(show);
  }
  moveTo(show) {
    const [marks, text] = this.move(show);
    this.over.replaceChildren(...marks.flat().filter((mark) => mark !== null));
    this.picture.setAttribute("aria-label", text);
  }
  /** A frame with axes: returns its marks and sets this.x and this.y, which map places to pixels. */
  frame(xs, ys, { left, bottom = 38, xTicks, yTicks, xTitle = "", yTitle = "", flipX = false, flipY = false }) {
    const box = { left, right: this.width - 10, top: 22, bottom: HEIGHT - bottom };
    const scale =
      ([low, high], from, to) =>
      (value) =>
        value === null || value === undefined
          ? null
          : from + (to - from) * (high > low ? (value - low) / (high - low) : 0.5);
    this.x = flipX ? scale(xs, box.right - 6, box.left + 6) : scale(xs, box.left + 6, box.right - 6);
    this.y = flipY ? scale(ys, box.top, box.bottom) : scale(ys, box.bottom, box.top);
    this.box = box;
    dressed(this.edge, { x: left, y: box.top - 8, width: box.right - left + 8, height: box.bottom - box.top + 8 });
    const marks = [line(box.left, box.bottom, box.right, box.bottom), line(box.left, box.top, box.left, box.bottom)];
    for (const [value, text] of yTicks) {
      marks.push(line(box.left, this.y(value), box.right, this.y(value), { stroke: "#EFEFEF" }));
      marks.push(label(box.left - 6, this.y(value) + 4.5, text, { "text-anchor": "end" }));
    }
    for (const [value, text] of xTicks)
      marks.push(label(this.x(value), box.bottom + 17, text, { "text-anchor": "middle" }));
    marks.push(label((box.left + box.right) / 2, HEIGHT - 4, xTitle, { "text-anchor": "middle", fill: GREY }));
    marks.push(label(2, 13, yTitle, { fill: GREY }));
    return marks;
  }
  empty() {
    return false;
  } // whether there is nothing to draw at all
  hidden(show) {
    const words = label(this.width / 2, HEIGHT / 2, "hidden until you reveal", { "text-anchor": "middle", fill: GREY });
    return [[words], show.said.hidden.view[show.index]];
  }
}

function ticksOfScores(values, unit, room) {
  const [low, high] = span(values);
  const pad = (high - low || Math.abs(high) || 1) * 0.06;
  const found = ticks(low - pad, high + pad, room);
  const step = found.length > 1 ? found[1] - found[0] : 1;
  return [[low - pad, high + pad], found.map((value) => [value, tickText(value, unit, step)])];
}

/** Every task's score against λ, with the band of its seeds. */
class Scores extends View {
  constructor(go) {
    super("scores", "Score of each task");
    this.note = html("span", { class: "mtl-small" });
    this.caption.append(this.note);
    const point = (event) => {
      if (event.type === "pointermove" && !event.buttons) return;
      const x = event.clientX - this.picture.getBoundingClientRect().left;
      go(least(range(this.places.length), (i) => Math.abs(this.x(this.places[i]) - x)));
    };
    this.picture.addEventListener("pointerdown", point);
    this.picture.addEventListener("pointermove", point);
  }
  axis(show) {
    // which λ are written: the ends and powers of ten first, others where there is room
    const { places, lams } = show.slice;
    const last = places.length - 1;
    const taken = [];
    const rank = (i) => (i === 0 || i === last ? 0 : Math.abs(places[i] - Math.round(places[i])) < 1e-6 ? 1 : 2);
    const x = (i) => ((this.width - 70) * (places[i] - places[0])) / (places[last] - places[0] || 1);
    for (const i of range(last + 1).sort((a, b) => rank(a) - rank(b) || a - b))
      if (taken.every((j) => Math.abs(x(i) - x(j)) > (LETTER * (lams[i].length + lams[j].length)) / 2 + 12))
        taken.push(i);
    return taken.map((i) => [places[i], lams[i]]);
  }
  still(show) {
    const { slice, tasks } = show;
    this.places = slice.places;
    const xs = [slice.places[0], slice.places.at(-1)];
    const xTicks = this.axis(show);
    const axes = { left: 50, xTicks, xTitle: "λ" };
    this.picture.style.cursor = "ew-resize";
    this.note.textContent = show.revealed ? show.said.note[show.who] : "";
    if (!show.revealed) return [...this.frame(xs, [0, 1], { ...axes, yTicks: [] }), ...this.breaks(slice)];
    if (slice.alike) {
      const live = show.results.map((r) => (show.many ? r.mean : Object.values(r.scores)));
      let values = finite([
        show.many ? [slice.pooled.low, slice.pooled.high, slice.pooled.seeds] : [slice.scores, slice.low, slice.high],
        live,
      ]);
      if (show.many) {
        // the curve of the mean fills the frame, which cuts the lines of single tasks
        const [low, high] = span(values);
        values = [low - 0.6 * (high - low), high + 0.6 * (high - low)];
      }
      const [ys, yTicks] = ticksOfScores(values, tasks[0].unit, 5);
      this.frameMarks = this.frame(xs, ys, { ...axes, yTicks, yTitle: show.said.axis });
      this.height = () => this.y;
    } else {
      // scores of different kinds: each task on its own scale
      this.frameMarks = this.frame(xs, [0, 1], {
        ...axes,
        yTicks: [
          [0, "worst"],
          [1, "best"],
        ],
        yTitle: show.said.axis,
      });
      const own = tasks.map((task, t) => {
        const [low, high] = span(
          finite([
            slice.scores.map((s) => s.map((l) => l[t])),
            slice.low.map((l) => l[t]),
            slice.high.map((l) => l[t]),
          ]),
        );
        return (value) =>
          value === null ? null : this.y((task.higher ? value - low : high - value) / (high - low || 1));
      });
      this.height = (t) => own[t];
    }
    const marks = [...this.frameMarks, ...this.breaks(slice)];
    const inside = svg("g", this.inside);
    const across = slice.places.map((place) => this.x(place));
    const along = (rows, t) => rows.map((row, i) => [across[i], this.height(t)(row[t])]);
    const curve = (low, high, middle, look) => [
      svg("path", {
        d: `${track([...low, ...high.reverse()].filter((p) => p[1] !== null))}Z`,
        fill: look.stroke,
        opacity: show.many ? 0.18 : 0.13,
      }),
      path(middle, { "stroke-width": 2.4, ...look }),
    ];
    if (show.many) {
      const rows = show.values;
      const thin = { stroke: PALE, "stroke-width": 1 };
      marks.push(inside);
      tasks.forEach((_, t) => inside.append(path(along(rows, t), thin)));
      for (const t of show.pair)
        inside.append(path(along(rows, t), { stroke: show.colour(t), "stroke-width": 2, "stroke-dasharray": "6 3" }));
      if (slice.alike) {
        const flat = (values) => values.map((value, i) => [across[i], this.y(value)]);
        marks.push(...curve(flat(slice.pooled.low), flat(slice.pooled.high), flat(show.pooled), { stroke: INK }));
      }
    } else {
      tasks.forEach((task, t) =>
        marks.push(
          ...curve(along(slice.low, t), along(slice.high, t), along(show.values, t), {
            stroke: task.colour,
            "stroke-dasharray": task.dash,
          }),
        ),
      );
    }
    return marks;
  }
  breaks(slice) {
    // 0 and ∞ lie beyond a break of the logarithmic axis
    const last = slice.places.length - 1;
    const marks = [];
    for (const [i, side] of [
      [0, 1],
      [last, -1],
    ])
      if ((slice.values[i] === 0 || slice.values[i] === "inf") && last)
        marks.push(
          label((this.x(slice.places[i]) + this.x(slice.places[i + side])) / 2, this.box.bottom + 4.5, "//", {
            "text-anchor": "middle",
            fill: GREY,
            stroke: "#fff",
            "stroke-width": 3,
            "paint-order": "stroke",
          }),
        );
    return marks;
  }
  best(show) {
    // the best λ, and how far it moves from seed to seed
    const { slice } = show;
    const x = (i) => this.x(slice.places[i]);
    const y = this.box.top + 2;
    const [first, last] = span(slice.bests);
    return [
      first < last ? line(x(first), y, x(last), y, { stroke: INK, "stroke-width": 2, opacity: 0.45 }) : null,
      line(x(slice.best), y, x(slice.best), this.box.bottom, { stroke: INK, "stroke-dasharray": "2 3" }),
      svg("path", { d: `M${x(slice.best) - 6} ${y - 5}h12l-6 10z`, fill: INK }),
    ];
  }
  move(show) {
    const { slice, tasks, index } = show;
    const x = this.x(slice.places[index]);
    const marks = [];
    marks.push(line(x, this.box.top - 6, x, this.box.bottom, { stroke: INK, "stroke-width": 1.4 }));
    if (show.guess !== null) {
      const at = this.x(slice.places[show.guess]);
      const left = at > this.width / 2;
      marks.push(
        line(at, this.box.top, at, this.box.bottom, {
          stroke: "#8C2D6B",
          "stroke-width": 2,
          "stroke-dasharray": "7 4",
        }),
      );
      marks.push(
        label(at + (left ? -6 : 6), this.box.bottom - 7, "your mark", {
          fill: "#8C2D6B",
          "font-weight": 600,
          "text-anchor": left ? "end" : "start",
          stroke: "#fff",
          "stroke-width": 3,
          "paint-order": "stroke",
        }),
      );
    }
    if (!show.revealed) {
      marks.push(
        label((this.box.left + this.box.right) / 2, HEIGHT / 2 - 20, "Where will the best λ be?", {
          "text-anchor": "middle",
          "font-weight": 600,
        }),
      );
      marks.push(
        label((this.box.left + this.box.right) / 2, HEIGHT / 2, "Move λ there and mark it.", {
          "text-anchor": "middle",
          fill: GREY,
        }),
      );
      return [marks, joined(show.said.hidden.scores[index], show.said.mark[show.guess])];
    }
    marks.push(...this.best(show));
    for (const result of show.results) {
      if (show.many) marks.push(star(this.x(slice.places[result.index]), this.y(result.mean), 8, INK));
      else
        tasks.forEach((task, t) =>
          marks.push(
            star(
              this.x(slice.places[result.index]),
              this.height(t)(result.scores[task.number] ?? null),
              8,
              task.colour,
            ),
          ),
        );
    }
    if (show.many) {
      for (const t of show.pair) {
        const y = this.height(t)(show.value(t));
        if (y !== null && y > this.box.top && y < this.box.bottom) marks.push(dot(x, y, 4.5, show.colour(t)));
      }
      if (slice.alike) marks.push(dot(x, this.y(show.pooled[index]), 6, INK));
    } else
      tasks.forEach(
        (task, t) => show.value(t) === null || marks.push(dot(x, this.height(t)(show.value(t)), 5.5, task.colour)),
      );
    return [
      marks,
      joined(
        show.say("scores"),
        show.said.mark[show.guess],
        show.results.map((result) => result.text),
      ),
    ];
  }
}

/** Two tasks' scores against each other: the path that λ runs through. */
class Pareto extends View {
  constructor(pick) {
    const select = (side) =>
      html("select", {
        "aria-label": side ? "task upwards" : "task to the right",
        onchange: (event) => pick(side, Number(event.target.value)),
      });
    const selects = [select(0), select(1)];
    super("pareto", "Two tasks", html("span", { class: "mtl-small" }, selects[1], " against ", selects[0]));
    this.selects = selects;
  }
  empty(show) {
    return show.tasks.length < 2;
  }
  still(show) {
    this.selects.forEach((select, side) =>
      options(
        select,
        show.tasks.map((task) => task.name),
        show.pair[side],
      ),
    );
    if (!show.revealed) return [];
    const { slice, tasks, pair } = show;
    const [a, b] = pair;
    const all = (t) => {
      // the path with room around it, where the seeds' own paths may run out of the frame
      const [low, high] = span(
        finite([show.values.map((row) => row[t]), show.results.map((r) => r.scores[tasks[t].number])]),
      );
      return [low - 0.5 * (high - low), high + 0.5 * (high - low)];
    };
    const [xs, xTicks] = ticksOfScores(all(a), tasks[a].unit, 4);
    const [ys, yTicks] = ticksOfScores(all(b), tasks[b].unit, 4);
    const most = Math.floor(this.width / LETTER) - 12;
    const marks = this.frame(xs, ys, {
      left: 50,
      xTicks,
      yTicks,
      flipX: !tasks[a].higher,
      flipY: !tasks[b].higher,
      xTitle: `${cut(tasks[a].name, most)}: better →`,
      yTitle: `↑ better: ${cut(tasks[b].name, most)}`,
    });
    this.at = (row) => [this.x(row[a]), this.y(row[b])];
    marks.push(
      svg(
        "g",
        this.inside,
        slice.scores.map((rows) => path(rows.map(this.at), { stroke: GREY, "stroke-width": 1, opacity: 0.5 })),
      ),
    );
    const main = show.values.map(this.at);
    marks.push(path(main, { stroke: INK, "stroke-width": 2.2 }));
    for (const [x, y] of main) if (x !== null && y !== null) marks.push(dot(x, y, 3.2, INK));
    for (const i of [0, slice.lams.length - 1])
      if (main[i][0] !== null && main[i][1] !== null)
        marks.push(
          label(main[i][0] + 7, main[i][1] - 6, slice.lams[i], {
            "font-weight": 600,
            stroke: "#fff",
            "stroke-width": 3,
            "paint-order": "stroke",
          }),
        );
    return marks;
  }
  move(show) {
    if (!show.revealed) return this.hidden(show);
    const {
      slice,
      tasks,
      pair: [a, b],
      index,
    } = show;
    const [x, y] = this.at(show.values[index]);
    const marks = [];
    const low = slice.low[index];
    const high = slice.high[index];
    if (x !== null && y !== null) {
      if (!show.one) {
        marks.push(
          svg(
            "g",
            this.inside,
            line(this.x(low[a]), y, this.x(high[a]), y, { stroke: show.colour(a), "stroke-width": 2.5 }),
            line(x, this.y(low[b]), x, this.y(high[b]), { stroke: show.colour(b), "stroke-width": 2.5 }),
          ),
        );
      }
      marks.push(svg("circle", { cx: x, cy: y, r: 8, fill: INK, stroke: "#fff", "stroke-width": 2 }));
    }
    for (const result of show.results) {
      const [px, py] = [this.x(result.scores[tasks[a].number] ?? null), this.y(result.scores[tasks[b].number] ?? null)];
      if (px !== null && py !== null) marks.push(star(px, py, 8, "#F0E442"));
    }
    const last = slice.lams.length - 1;
    const score = (i, t) => show.said.score[show.who][i][t];
    const parts = {
      up: tasks[b].name,
      right: tasks[a].name,
      lam: show.label,
      x: score(index, a),
      y: score(index, b),
      first: slice.lams[0],
      "x first": score(0, a),
      "y first": score(0, b),
      last: slice.lams[last],
      "x last": score(last, a),
      "y last": score(last, b),
    };
    return [marks, filled(show.words.pareto, parts)];
  }
}

/** How far each task's weights are from the mean of all: a dot a task, a group of them a layer, on a logarithmic scale. */
class Gaps extends View {
  constructor() {
    super("gaps", "Distance from the mean");
  }
  still(show) {
    const layers = show.layers.length;
    const most = Math.floor((this.width - 60) / layers / LETTER);
    const top = Math.max(...finite(show.slice.gaps), 2 * LEAST);
    this.log = (value) => (value === null ? null : Math.log10(Math.max(value, LEAST)));
    const tens = range(Math.floor(Math.log10(top)) + 4)
      .map((k) => k - 3)
      .map((k) => [k, k === -3 ? "≤ 0.001" : String(10 ** k)]);
    return this.frame([-0.5, layers - 0.5], [-3, Math.log10(top * 1.15)], {
      left: 62,
      bottom: 24,
      xTicks: show.layers.map((name, k) => [k, cut(name, most)]),
      yTicks: tens,
      yTitle: "‖θₜ − θ̄‖ / ‖θ̄‖",
    });
  }
  dots(show) {
    // a layer: for each task [colour, middle, low, high]
    const { slice, index } = show;
    const own = show.one && slice.gaps[show.seed];
    const [middle, low, high] = own ? [own, own, own] : slice.gap;
    return show.layers.map((_, k) =>
      show.tasks.map((_, t) => [show.tint(t), middle[index][k][t], low[index][k][t], high[index][k][t]]),
    );
  }
  move(show) {
    const marks = [];
    this.dots(show).forEach((group, k) =>
      group.forEach(([colour, middle, low, high], t) => {
        if (middle === null) return;
        const step = Math.min(30, (0.8 * (this.x(1) - this.x(0))) / group.length);
        const x = this.x(k) + (t + 0.5 - group.length / 2) * step;
        const y = (value) => this.y(this.log(value));
        marks.push(
          line(x, this.box.bottom, x, y(middle), { stroke: colour, "stroke-width": show.many ? 1 : 3, opacity: 0.35 }),
        );
        if (high > low && !show.many) marks.push(line(x, y(low), x, y(high), { stroke: colour, "stroke-width": 2 }));
        marks.push(dot(x, y(middle), show.many ? 3.2 : 5.5, colour));
      }),
    );
    return [marks, show.say("gaps")];
  }
}

/** The model: a box for each layer and task, tied the more tightly the nearer their weights are. */
class Model extends View {
  constructor() {
    super("model", "The model", html("span", { class: "mtl-small" }, "tighter tied = more alike"));
  }
  still() {
    return [];
  }
  move(show) {
    const columns = show.many ? range(5) : range(show.tasks.length);
    const rows = show.layers.filter((name) => name !== "heads");
    const left = 92;
    const ties = show.slice.ties[show.who][show.index];
    const step = (this.width - left - (show.many ? 26 : 4)) / columns.length;
    const wide = Math.min(step * 0.7, 90);
    const deep = (HEIGHT - 6) / (rows.length + 1);
    const tall = Math.min(deep * 0.62, 40);
    const x = (c) => left + step * (c + 0.5);
    const y = (r) => deep * (r + 0.5) + 2;
    const marks = [];
    [...rows, "heads"].forEach((name, r) => {
      const k = show.layers.indexOf(name);
      const tight = ties[k] ?? 0;
      const one = tight >= 1;
      const top = y(r) - tall / 2;
      const last = name === "heads";
      const title = last ? "answers" : name;
      if (r)
        for (const c of columns)
          marks.push(line(x(c), y(r - 1) + tall / 2, x(c), top, { stroke: show.tint(c), "stroke-width": 2 }));
      if (one)
        marks.push(
          svg("rect", {
            x: x(0) - wide / 2,
            y: top,
            width: x(columns.length - 1) - x(0) + wide,
            height: tall,
            rx: 6,
            fill: "#E6E6E6",
            stroke: "#555",
            "stroke-width": 1.6,
          }),
        );
      else if (tight > 0)
        columns.slice(1).forEach((c) =>
          marks.push(
            svg("rect", {
              x: x(c - 1) + wide / 2 - 3,
              y: y(r) - (tight * tall) / 2,
              width: Math.max(0, x(c) - x(c - 1) - wide + 6),
              height: Math.max(1.2, tight * tall),
              fill: mixed("#FFFFFF", "#8A8A8A", 0.35 + 0.5 * tight),
            }),
          ),
        );
      for (const c of columns) {
        const colour = show.tint(c);
        if (one)
          marks.push(svg("rect", { x: x(c) - wide / 2 + 8, y: top + 5, width: wide - 16, height: 5, fill: colour }));
        else
          marks.push(
            svg("rect", {
              x: x(c) - wide / 2,
              y: top,
              width: wide,
              height: tall,
              rx: 6,
              stroke: colour,
              "stroke-width": 2,
              fill: mixed(mixed("#FFFFFF", colour, 0.22), "#E6E6E6", tight),
            }),
          );
        if (last && !show.many)
          marks.push(label(x(c), y(r) + (one ? 9 : 5), fit(show.tasks[c].name, step - 4), { "text-anchor": "middle" }));
      }
      const single = last && tight === 0;
      if (!single) marks.push(label(0, y(r) + 14, show.say("tied")[k]));
      if (show.many) marks.push(label(this.width - 12, y(r) + 5, "…", { "text-anchor": "middle", fill: GREY }));
      marks.push(label(0, y(r) + (single ? 5 : -3), cut(title, 11), { "font-weight": 600 }));
    });
    return [marks, show.say("model")];
  }
}

/** What a task answers to each label. */
class Confusion extends View {
  constructor(choose) {
    const select = html("select", {
      "aria-label": "task whose answers are shown",
      onchange: (event) => choose(Number(event.target.value)),
    });
    super("confusion", "Taken for what", html("span", { class: "mtl-small" }, select));
    this.select = select;
  }
  empty(show) {
    return !Object.keys(show.slice.confusions).length;
  }
  still(show) {
    const numbers = Object.keys(show.slice.confusions).map(Number);
    this.task = numbers.includes(show.at.task) ? show.at.task : numbers[0];
    options(
      this.select,
      numbers.map((n) => show.world.tasks[n].name),
      this.task,
      numbers,
    );
    this.found = show.slice.confusions[this.task];
    if (!show.revealed) return [];
    const { classes } = this.found;
    const size = classes.length;
    const left = Math.max(64, Math.min(Math.max(...classes.map((c) => c.length)) * LETTER + 10, this.width * 0.4));
    const below = size <= 4 ? 20 : 0;
    const side = Math.min((this.width - left - 6) / size, (HEIGHT - 46 - below) / size);
    const wide = Math.min((this.width - left - 6) / size, side * 1.9);
    this.cell = { left, top: 24, wide, side };
    const marks = [
      label(left, 13, `answer →${size > 4 ? " in the same order" : ""}`, { fill: GREY }),
      label(0, 13, "label ↓", { fill: GREY }),
    ];
    classes.forEach((name, i) => {
      marks.push(
        label(left - 6, 24 + side * (i + 0.5) + 4.5, cut(name, Math.floor((left - 8) / LETTER)), {
          "text-anchor": "end",
          "font-size": side < 16 ? 12 : null,
        }),
      );
      if (below)
        marks.push(
          label(left + wide * (i + 0.5), 24 + side * size + 16, cut(name, Math.floor(wide / LETTER)), {
            "text-anchor": "middle",
          }),
        );
    });
    return marks;
  }
  move(show) {
    if (!show.revealed) return this.hidden(show);
    const { shares, cells, alt } = this.found;
    const { left, top, wide, side } = this.cell;
    const { index } = show;
    const marks = [];
    shares[index].forEach((row, i) =>
      row.forEach((share, j) => {
        marks.push(
          svg("rect", {
            x: left + wide * j,
            y: top + side * i,
            width: wide - 1,
            height: side - 1,
            fill: shade(share),
            stroke: i === j ? INK : null,
            "stroke-width": 1.2,
          }),
        );
        if (cells && wide > 44 && side > 18)
          marks.push(
            label(left + wide * (j + 0.5), top + side * (i + 0.5) + 5, cells[index][i][j], {
              "text-anchor": "middle",
              fill: share > 0.55 ? "#fff" : INK,
            }),
          );
      }),
    );
    return [marks, alt[index]];
  }
}

function options(select, names, chosen, values = range(names.length)) {
  if (select.dataset.names !== JSON.stringify(names)) {
    select.replaceChildren(...names.map((name, i) => html("option", { value: values[i] }, cut(name, 40))));
    select.dataset.names = JSON.stringify(names);
  }
  select.value = chosen;
}

// --- what is on show -------------------------------------------------------------------------------------------------

/** The part of what was sent that `at` points to. */
class Show {
  constructor({ worlds, words }, at, results) {
    this.words = words;
    this.at = at;
    this.world = worlds[at.world];
    this.slice = this.world.slices[at.dials.join(",")];
    this.said = this.slice.said;
    this.layers = this.world.layers;
    this.tasks = this.slice.tasks.map((number) => ({ ...this.world.tasks[number], number }));
    this.many = this.slice.many;
    this.revealed = at.revealed;
    this.index = at.index;
    this.label = this.slice.lams[at.index];
    this.one = at.seed !== null;
    this.seed = this.one ? this.slice.seeds.indexOf(at.seed) : null;
    this.who = this.one ? this.seed + 1 : 0; // where first comes what is of all seeds, then a seed each
    this.values = this.one ? this.slice.scores[this.seed] : this.slice.mean;
    this.pooled = this.one ? this.slice.pooled.seeds[this.seed] : this.slice.pooled.mean;
    this.pair = at.pair.map((number, side) =>
      Math.max(0, Math.min(side, this.tasks.length - 1), this.slice.tasks.indexOf(number)),
    );
    this.guess =
      at.guess && at.guess.world === at.world && at.guess.dials.join() === at.dials.join() ? at.guess.index : null;
    this.results = results.filter((r) => r.world === at.world && r.dials.join() === at.dials.join());
    this.still = JSON.stringify([at.world, at.dials, at.seed, at.pair, at.task, at.revealed, this.results.length]);
  }
  value(t) {
    return this.values[this.index][t];
  }
  tint(t) {
    return this.many ? GREY : this.tasks[t].colour;
  }
  colour(t) {
    return !this.many ? this.tasks[t].colour : t === this.pair[0] ? BLUE : VERMILLION;
  }
  /** What Python says here: in the view or place of that name. */
  say(name) {
    return this.said[name][this.who][this.index];
  }
  get sentence() {
    return this.revealed ? this.say("status") : this.said.hidden.status[this.index];
  }
}

// --- the whole -------------------------------------------------------------------------------------------------------

class Explorer extends Panel {
  constructor(model, el) {
    super(model, el, "explorer", "λ explorer", ["at", "results", "training"]);
  }
  contents() {
    const pick = (side, t) => {
      const pair = [...this.show.at.pair];
      pair[side] = this.show.tasks[t].number;
      this.go({ pair });
    };
    this.views = [
      new Scores(this.safely((index) => this.go({ index }))),
      new Pareto(this.safely(pick)),
      new Gaps(),
      new Model(),
      new Confusion(this.safely((task) => this.go({ task }))),
    ];
    const figures = this.views.map((view) => view.figure);
    return [html("div", { class: "mtl-bars" }, this.bars()), html("div", { class: "mtl-views" }, figures)];
  }
  go(change) {
    this.set("at", { ...this.model.get("at"), ...change });
  }
  /** Says beside the controls what became of a choice. */
  remark(words) {
    this.say(words, this.note);
  }
  redraw() {
    this.draw(true);
  }
  draw(all = false) {
    const show = new Show(this.facts, this.model.get("at"), this.model.get("results"));
    all ||= !this.show || this.show.still !== show.still;
    if (this.show && this.show.still.slice(0, 12) !== show.still.slice(0, 12)) this.remark("");
    this.show = show;
    this.drawnWidth = this.root.clientWidth;
    if (all) this.controls(show);
    if (all) for (const view of this.views) view.figure.hidden = view.empty(show); // before any is measured
    for (const view of this.views) {
      if (view.figure.hidden) view.picture.setAttribute("aria-label", "");
      else all ? view.draw(show) : view.moveTo(show);
    }
    const at = String(show.slice.places[show.index]);
    if (this.slider.value !== at) this.slider.value = at;
    this.slider.setAttribute("aria-valuetext", `λ = ${show.label}`);
    this.big.textContent = show.label;
    if (this.box !== document.activeElement) this.box.value = this.filled = show.slice.typed[show.index];
    this.readout.replaceChildren(...this.chips(show));
    this.say(show.sentence);
    this.predict(show);
    this.tellTraining();
  }
  chips(show) {
    const chip = (colour, dash, name, text) =>
      html(
        "li",
        {},
        svg(
          "svg",
          { width: 26, height: 10, "aria-hidden": "true" },
          line(1, 5, 25, 5, { stroke: colour, "stroke-width": 2.6, "stroke-dasharray": dash }),
        ),
        cut(name, 28),
        html("b", {}, text),
      );
    const { said } = show;
    const worth = (text) => (show.revealed ? text : "?");
    const score = (t) => worth(show.say("score")[t]);
    if (!show.many) return show.tasks.map((task, t) => chip(task.colour, task.dash, task.name, score(t)));
    const mid = show.slice.alike ? [chip(INK, "", said.mean, worth(show.say("pooled")))] : [];
    return [...mid, ...show.pair.map((t) => chip(show.colour(t), "6 3", show.tasks[t].name, score(t)))];
  }

  // --- controls ------------------------------------------------------------------------------------------------------

  bars() {
    const live = { role: "status", "aria-live": "polite" };
    this.choices = html("div", { class: "mtl-bar" });
    this.slider = html("input", {
      type: "range",
      step: "any",
      "aria-label": "λ",
      oninput: this.safely(() => this.slid()),
      onkeydown: this.safely((event) => this.key(event)),
    });
    this.box = html("input", {
      type: "text",
      "aria-label": "type λ: a number, 0 or ∞",
      inputmode: "decimal",
      size: 7,
      onchange: this.safely(() => this.typed()),
    });
    this.big = html("output", { class: "mtl-lam" });
    this.readout = html("ul", { class: "mtl-readout" });
    this.verdict = html("p", { class: "mtl-verdict", ...live });
    this.note = html("p", { class: "mtl-note", ...live });
    const letter = html("span", { class: "mtl-letter" }, "λ = ", this.big);
    const bar = html("div", { class: "mtl-bar" }, letter, this.slider, html("label", {}, "or type λ ", this.box));
    const gap = html("span", { class: "mtl-gap" });
    const below = html("div", { class: "mtl-bar" }, this.guessing(), gap, this.live(live));
    return [this.choices, bar, this.readout, this.status, below, this.verdict, this.note, this.trouble];
  }
  /** The buttons of a prediction. */
  guessing() {
    const mark = () => {
      const { at, index } = this.show;
      this.go({ guess: { world: at.world, dials: at.dials, index } });
    };
    const turn = (change) => () => {
      this.go(change);
      this.remark("");
    };
    this.mark = this.button("Mark: best λ is here", mark, "mtl-mark");
    this.reveal = this.button("Reveal", turn({ revealed: true }), "mtl-reveal");
    this.again = this.button("Predict again", turn({ revealed: false, guess: null }), "mtl-again");
    const good = () => {
      this.go({ index: this.show.slice.best, seed: null });
      this.remark(this.show.said.good);
    };
    this.good = this.button("Show a good λ", good, "mtl-good");
    this.link = this.button("Link to this setting", () => this.linked(), "mtl-link");
    this.link.hidden = !this.model.page; // a page of its own has an address; a notebook has explorer.move(…)
    return [this.mark, this.reveal, this.again, this.good, this.link];
  }
  /** The buttons that ask Python to train, and how far it is. */
  live(attributes) {
    const ask = (what) => () => {
      this.complain("");
      this.model.send({ do: what });
    };
    this.train = this.button("Train it live", ask("train"), "mtl-train");
    this.stop = this.button("Stop", ask("stop"), "mtl-stop");
    this.progress = html("progress", { max: 1, value: 0, "aria-label": "training" });
    this.told = html("span", { class: "mtl-told", ...attributes });
    return [this.train, this.stop, this.progress, this.told];
  }
  /** The selects and the range of the slider, which change with world and dials. */
  controls(show) {
    const { at, world, slice } = show;
    const titles = this.facts.worlds.map((one) => one.title);
    const seed = (i) => this.go({ seed: i ? slice.seeds[i - 1] : null });
    this.renew(this.choices, [
      titles.length > 1
        ? this.select("world", titles, at.world, (i) => this.choose(i, null))
        : html("strong", {}, cut(world.title, 60)),
      ...world.dials.map((dial, d) => this.dial(dial, d, at)),
      this.select("seeds", show.said.seeds, show.who, seed),
      html("span", { class: "mtl-origin" }, world.origin),
    ]);
    this.root.setAttribute("aria-label", `λ explorer: ${world.title}`);
    this.slider.min = slice.places[0];
    this.slider.max = slice.places.at(-1);
  }
  dial({ name, values }, d, { world, dials }) {
    if (values.length < 2) return html("span", {}, `${name} = ${values[0]}`);
    return this.select(name, values, dials[d], (i) => this.choose(world, dials.with(d, i), d));
  }
  /** Another world or setting of the dials: λ stays where it is, or goes to the nearest there is. */
  choose(number, dials, turned = null) {
    const world = this.facts.worlds[number];
    const old = this.show;
    dials ??= Object.keys(world.slices)[0].split(",").filter(Boolean).map(Number);
    if (!(dials.join(",") in world.slices)) {
      // not every combination need be there
      dials = Object.keys(world.slices)
        .map((key) => key.split(",").map(Number))
        .find((key) => key[turned] === dials[turned]);
      this.remark(this.words.no_combination);
    }
    const slice = world.slices[dials.join(",")];
    const same = number === old.at.world;
    const lam = old.slice.values[old.index];
    this.go({
      world: number,
      dials,
      index: nearest(slice, lam === "inf" ? Infinity : lam),
      seed: slice.seeds.includes(old.at.seed) ? old.at.seed : null,
      pair: same ? old.at.pair : [slice.tasks[0], slice.tasks.at(Math.min(1, slice.tasks.length - 1))],
      task: same ? old.at.task : slice.tasks[0],
    });
  }
  slid() {
    const { places } = this.show.slice;
    const value = Number(this.slider.value);
    const index = least(range(places.length), (i) => Math.abs(places[i] - value));
    this.slider.value = places[index];
    this.remark("");
    if (index !== this.model.get("at").index) this.go({ index });
  }
  key(event) {
    // a step is from one λ to the next, wherever they lie
    const last = this.show.slice.places.length - 1;
    const to = stepped(event.key, this.model.get("at").index, last, Math.max(1, Math.round(last / 5)));
    if (to === undefined) return;
    event.preventDefault();
    this.remark("");
    this.go({ index: to });
  }
  typed() {
    const text = this.box.value.trim();
    const { slice } = this.show;
    if (text === this.filled) return this.complain("");
    const plain = text.replace(",", ".").replace(/^\+/, "");
    const lam = /^(∞|inf|infinity)$/i.test(plain) ? Infinity : plain === "" ? NaN : Number(plain);
    if (!(lam >= 0)) return this.complain(filled(this.words.no_lambda, { text: cut(text, 40) }));
    const index = nearest(slice, lam);
    const found = slice.values[index] === "inf" ? Infinity : slice.values[index];
    this.go({ index });
    this.box.value = this.filled = slice.typed[index];
    const near = found === lam || Math.abs(found - lam) <= 0.02 * lam;
    this.remark(near ? "" : filled(this.words.nearest, { text: cut(text, 20), lam: slice.lams[index] }));
  }

  // --- a link that carries a setting ---------------------------------------------------------------------------------

  /** What the address of a page says of the present setting. */
  address() {
    const { at, world, slice } = this.show;
    const dials = world.dials.map(({ name, values }, d) => [name, values[at.dials[d]]]);
    const seed = at.seed === null ? [] : [["seed", at.seed]];
    return `#${new URLSearchParams([["world", world.title], ...dials, ...seed, ["λ", slice.typed[at.index]]])}`;
  }
  linked() {
    window.history.replaceState(null, "", this.address());
    navigator.clipboard?.writeText(window.location.href).catch(() => {});
    this.remark(this.words.copied);
  }
  /** Go where the address of the page leads; what is not here is said. */
  follow(address) {
    const asked = Object.fromEntries(new URLSearchParams(address.replace(/^#/, "")));
    if (!Object.keys(asked).length) return;
    const missing = (name) => this.complain(filled(this.words.no_place, { text: `${name} = ${cut(asked[name], 40)}` }));
    const number = "world" in asked ? this.facts.worlds.findIndex((one) => one.title === asked.world) : 0;
    if (number < 0) return missing("world");
    const world = this.facts.worlds[number];
    const first = Object.keys(world.slices)[0].split(",").filter(Boolean).map(Number);
    const dials = world.dials.map(({ name, values }, d) => (name in asked ? values.indexOf(asked[name]) : first[d]));
    const lost = world.dials.find((_, d) => dials[d] < 0);
    if (lost) return missing(lost.name);
    if (!(dials.join(",") in world.slices)) return missing(world.dials.at(-1).name);
    const slice = world.slices[dials.join(",")];
    const lam = asked.λ === "∞" ? Infinity : Number(asked.λ ?? 0);
    if (!(lam >= 0)) return missing("λ");
    const seed = "seed" in asked ? slice.seeds.find((one) => String(one) === asked.seed) : null;
    if (seed === undefined) return missing("seed");
    const pair = [slice.tasks[0], slice.tasks.at(Math.min(1, slice.tasks.length - 1))];
    this.go({ world: number, dials, index: nearest(slice, lam), seed, pair, task: slice.tasks[0] });
  }

  // --- predict, and train --------------------------------------------------------------------------------------------

  predict(show) {
    this.mark.hidden = this.reveal.hidden = show.revealed;
    this.again.hidden = this.good.hidden = !show.revealed;
    this.reveal.textContent = show.guess === null ? "Show without a mark" : "Reveal";
    const marked = show.said.marked[show.guess];
    const words = show.revealed ? joined(show.said.best, marked) : marked && joined(marked, this.words.what_now);
    this.say(words ?? "", this.verdict);
  }
  tellTraining() {
    const training = this.model.get("training");
    const { world, revealed } = this.show;
    const running = ["running", "stopping"].includes(training.state);
    this.train.hidden = running;
    this.train.disabled = !world.live || !revealed;
    this.stop.hidden = this.progress.hidden = !running;
    this.progress.value = training.done || 0;
    this.stop.disabled = training.state === "stopping";
    const idle = !world.live ? world.why : revealed ? world.live : this.words.reveal_first;
    const here = training.world === this.show.at.world || running; // of another world nothing is told
    this.say((here && training.text) || idle, this.told);
    this.train.title = world.live ? "" : world.why;
  }
}

/** The number of the λ nearest on the logarithmic scale; 0 and ∞ are near themselves only. */
function nearest(slice, lam) {
  const value = (v) => (v === "inf" ? Infinity : v);
  const exact = slice.values.findIndex((v) => value(v) === lam);
  if (exact >= 0) return exact;
  let inner = range(slice.values.length).filter((i) => value(slice.values[i]) > 0 && value(slice.values[i]) < Infinity);
  if (!inner.length) inner = range(slice.values.length);
  if (lam === 0 || lam === Infinity) return lam === 0 ? inner[0] : inner.at(-1);
  return least(inner, (i) => Math.abs(slice.places[i] - Math.log10(lam)));
}

function render({ model, el }) {
  const panel = new Explorer(model, el);
  if (model.page) panel.safely(() => panel.follow(decodeURI(window.location.hash)))();
  return () => panel.close();
}
export default { render };
