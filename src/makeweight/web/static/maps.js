// Feature maps of a layer, side by side on one canvas; every byte is a place on the layer's scale.
import { element } from "./dom.js";

const GAP = 1, TILE = 60, MAX_WIDTH = 700; // pixels: between maps, of a map and of a sheet on the screen
const WIDE = 3.2; // a sheet is about so many times wider than high

export class Sheet {
  constructor(layer, colours, onChoose) {
    Object.assign(this, layer, { colours, onChoose, chosen: null, levels: null });
    [this.filters, this.high, this.wide] = layer.shape;
    this.columns = Math.min(this.filters, Math.ceil(Math.sqrt(WIDE * this.filters * (this.high + GAP) / (this.wide + GAP))));
    this.rows = Math.ceil(this.filters / this.columns);
    this.canvas = element("canvas", {
      width: this.columns * (this.wide + GAP) - GAP, height: this.rows * (this.high + GAP) - GAP, className: "sheetmaps",
    });
    this.canvas.setAttribute("role", "img");
    // Maps are about as large in all layers, with whole pixels per value; the page scales down what is too wide.
    const pixels = Math.max(1, Math.min(Math.floor((this.wide > 1 ? TILE : 10) / this.wide), Math.floor(MAX_WIDTH / this.canvas.width)));
    this.canvas.style.width = `${this.canvas.width * pixels}px`;
    this.image = this.canvas.getContext("2d").createImageData(this.canvas.width, this.canvas.height);
    this.words = new Uint32Array(this.image.data.buffer);
    this.note = element("p", { className: "note" });
    this.mark = element("div", { className: "mark", hidden: true });
    this.frame = element("div", { className: "maps" }, this.canvas, this.mark);
    this.frame.addEventListener("click", (event) => this.click(event));
    const size = this.high * this.wide > 1 ? `${this.filters} maps of ${this.high} × ${this.wide}` : `${this.filters} values`;
    const button = element("button", { type: "button", textContent: "Show one filter" });
    button.addEventListener("click", () => onChoose(this, this.chosen ?? 0));
    this.title = element("h3", { textContent: layer.name });
    this.place = element("div", { className: "place" });
    this.about = [`${layer.kind}, ${size}`, layer.shown !== layer.name ? `shown after ${layer.shown}` : "",
      layer.sees[0] ? `a value sees ${layer.sees.join(" × ")} pixels` : ""].filter(Boolean).join("; ");
    this.canvas.setAttribute("aria-label", `${layer.name}: ${size}`);
    this.root = element("section", { className: "layer" }, this.title, this.note, this.frame, button, this.place);
  }

  show(levels, facts) {
    this.levels = levels;
    const { filters, high, wide, columns, words, colours } = this, across = this.canvas.width;
    for (let filter = 0, from = 0; filter < filters; filter++) {
      let to = Math.floor(filter / columns) * (high + GAP) * across + (filter % columns) * (wide + GAP);
      for (let row = 0; row < high; row++, to += across) {
        for (let column = 0; column < wide; column++) words[to + column] = colours[levels[from++]];
      }
    }
    this.canvas.getContext("2d").putImageData(this.image, 0, 0);
    this.note.textContent = `${this.about}; ${(100 * facts.zeros).toFixed(0)} % of the values are 0.`;
  }

  mark_(filter) {
    this.chosen = filter;
    this.mark.hidden = filter === null;
    if (filter === null) return;
    const percent = (part, whole) => `${100 * part / whole}%`;
    Object.assign(this.mark.style, {
      left: percent((filter % this.columns) * (this.wide + GAP), this.canvas.width),
      top: percent(Math.floor(filter / this.columns) * (this.high + GAP), this.canvas.height),
      width: percent(this.wide, this.canvas.width), height: percent(this.high, this.canvas.height),
    });
  }

  click(event) {
    const box = this.canvas.getBoundingClientRect(), scale = this.canvas.width / box.width;
    const column = Math.floor(((event.clientX - box.left) * scale + GAP / 2) / (this.wide + GAP));
    const row = Math.floor(((event.clientY - box.top) * scale + GAP / 2) / (this.high + GAP));
    const filter = row * this.columns + column;
    if (column >= 0 && column < this.columns && row >= 0 && filter < this.filters) this.onChoose(this, filter);
  }

  enlarge(canvas, filter) {
    canvas.width = this.wide;
    canvas.height = this.high;
    canvas.setAttribute("aria-label", `Filter ${filter} of ${this.name}, enlarged`);
    if (!this.levels) return;
    const image = new ImageData(this.wide, this.high), words = new Uint32Array(image.data.buffer);
    const area = this.wide * this.high;
    for (let i = 0; i < area; i++) words[i] = this.colours[this.levels[filter * area + i]];
    canvas.getContext("2d").putImageData(image, 0, 0);
  }
}

// Colours as the words that a canvas holds, whichever end this machine begins with.
export function asWords(palette) {
  const bytes = new Uint8Array(4 * palette.length);
  palette.forEach((colour, i) => bytes.set([...colour, 255], 4 * i));
  return new Uint32Array(bytes.buffer);
}
