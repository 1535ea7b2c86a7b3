// A sentence whose numbers can be dragged; common.js stands before it. Python sends every sentence once (`facts.told`);
// `at` says which numbers are on show and goes back and forth.

const STEP = 7; // pixels from one value to the next

class SentencePanel extends Panel {
  constructor(model, el) {
    super(model, el, "sentence", "a sentence with numbers to drag", ["at"]);
  }
  build() {
    this.drags = {};
    this.texts = {};
    this.said = html("p", { class: "mtl-said" });
    for (const [text, name] of this.facts.parts) {
      this.said.append(text);
      if (name in this.facts.numbers) this.said.append(this.drag(name));
      else if (name) this.said.append(this.told(name));
    }
    return [this.said, this.status];
  }
  told(name) {
    const place = html("strong", {});
    this.texts[name] = [...(this.texts[name] ?? []), place];
    return place;
  }
  /** A number that moves with the pointer, or with the keys. */
  drag(name) {
    const last = this.facts.numbers[name].length - 1;
    const place = html("span", {
      class: "mtl-drag",
      role: "slider",
      tabindex: 0,
      "aria-label": name,
      "aria-valuemin": 0,
      "aria-valuemax": last,
      ...QUIET,
    });
    const begin = (event) => {
      place.setPointerCapture(event.pointerId);
      place.focus();
      this.from = { x: event.clientX, index: this.model.get("at")[name] };
      event.preventDefault();
    };
    const move = (event) => {
      if (this.from && place.hasPointerCapture(event.pointerId))
        this.go(name, this.from.index + Math.round((event.clientX - this.from.x) / STEP));
    };
    const key = (event) => {
      const to = stepped(event.key, this.model.get("at")[name], last, Math.max(2, Math.round(last / 6)));
      if (to === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      this.go(name, to);
    };
    const acts = { pointerdown: begin, pointermove: move, keydown: key };
    for (const [kind, act] of Object.entries(acts)) place.addEventListener(kind, this.safely(act));
    this.drags[name] = [...(this.drags[name] ?? []), place];
    return place;
  }
  go(name, index) {
    const last = this.facts.numbers[name].length - 1;
    const at = this.model.get("at");
    const to = Math.max(0, Math.min(last, index));
    if (to !== at[name]) this.set("at", { ...at, [name]: to });
  }
  redraw() {
    this.draw();
  }
  draw() {
    const at = this.model.get("at");
    const { numbers, told } = this.facts;
    for (const [name, places] of Object.entries(this.drags))
      for (const place of places) {
        place.textContent = numbers[name][at[name]];
        place.setAttribute("aria-valuenow", at[name]);
        place.setAttribute("aria-valuetext", numbers[name][at[name]]);
      }
    const texts = told[Object.keys(numbers).map((name) => at[name])];
    for (const [name, places] of Object.entries(this.texts))
      for (const place of places) place.textContent = texts[name];
    this.say(this.said.textContent);
  }
}

function render({ model, el }) {
  const panel = new SentencePanel(model, el);
  return () => panel.close();
}
export default { render };
