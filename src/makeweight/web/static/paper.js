// A sheet of the data's image size to draw on, with the mouse, a finger, a pen or the keyboard.

const MAX_UNDO = 30;

export class Paper {
  constructor(canvas, [channels, height, width], onChange) {
    Object.assign(this, { canvas, channels, height, width, onChange });
    this.pixels = new Uint8Array(channels * height * width);
    this.brush = 1.6; // radius in pixels of the data
    this.erase = false;
    this.cursor = null; // [x, y] of the keyboard
    this.before = [];
    canvas.width = width;
    canvas.height = height;
    canvas.style.aspectRatio = `${width} / ${height}`;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { this.last = null; });
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => { this.cursor = null; this.paint(); });
    this.paint();
  }

  keep() {
    this.before.push(this.pixels.slice());
    if (this.before.length > MAX_UNDO) this.before.shift();
  }

  undo() {
    const pixels = this.before.pop();
    if (pixels) this.set(pixels);
  }

  clear() {
    this.keep();
    this.set(new Uint8Array(this.pixels.length));
  }

  isBlank() {
    return this.pixels.every((value) => value === this.pixels[0]);
  }

  set(pixels, quietly = false) {
    this.pixels = pixels;
    this.paint();
    if (!quietly) this.onChange();
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * this.width / box.width, (event.clientY - box.top) * this.height / box.height];
  }

  down(event) {
    if (event.button > 0) return;
    event.preventDefault(); // a finger draws and does not scroll
    this.canvas.focus({ preventScroll: true });
    try { this.canvas.setPointerCapture(event.pointerId); } catch { /* it has gone already */ }
    this.keep();
    this.last = this.place(event);
    this.stroke([this.last], event);
  }

  move(event) {
    if (!this.last) return;
    const events = event.getCoalescedEvents?.() ?? [];
    this.stroke((events.length ? events : [event]).map((moved) => this.place(moved)), event);
  }

  // A pressure-sensitive pen draws broader lines when pressed.
  stroke(places, event) {
    const pressure = event.pointerType === "pen" && event.pressure ? 0.5 + event.pressure : 1;
    for (const place of places) {
      this.line(this.last, place, this.brush * pressure);
      this.last = place;
    }
    this.paint();
    this.onChange();
  }

  line([x0, y0], [x1, y1], radius) {
    const steps = Math.max(1, Math.ceil(2 * Math.hypot(x1 - x0, y1 - y0)));
    for (let i = 0; i <= steps; i++) this.dab(x0 + (x1 - x0) * i / steps, y0 + (y1 - y0) * i / steps, radius);
  }

  // A round dab whose edge is soft over one pixel, as in scaled-down pictures.
  dab(x, y, radius) {
    for (let row = Math.max(0, Math.floor(y - radius - 1)); row < Math.min(this.height, y + radius + 1); row++) {
      for (let column = Math.max(0, Math.floor(x - radius - 1)); column < Math.min(this.width, x + radius + 1); column++) {
        const distance = Math.hypot(column + 0.5 - x, row + 0.5 - y);
        const share = Math.min(1, Math.max(0, radius + 0.5 - distance));
        if (!share) continue;
        for (let channel = 0; channel < this.channels; channel++) {
          const i = (channel * this.height + row) * this.width + column, old = this.pixels[i];
          this.pixels[i] = this.erase ? Math.round(old * (1 - share)) : Math.max(old, Math.round(255 * share));
        }
      }
    }
  }

  key(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step && event.key !== " ") return;
    event.preventDefault();
    const from = this.cursor ?? [Math.floor(this.width / 2), Math.floor(this.height / 2)];
    const clamp = (value, size) => Math.min(size - 1, Math.max(0, value));
    this.cursor = step ? [clamp(from[0] + step[0], this.width), clamp(from[1] + step[1], this.height)] : from;
    if (event.key === " " || event.shiftKey) {
      if (!event.repeat) this.keep();
      this.line([from[0] + 0.5, from[1] + 0.5], [this.cursor[0] + 0.5, this.cursor[1] + 0.5], this.brush);
      this.onChange();
    }
    this.paint();
  }

  paint() {
    const context = this.canvas.getContext("2d"), image = context.createImageData(this.width, this.height);
    const area = this.width * this.height;
    for (let i = 0; i < area; i++) {
      for (let channel = 0; channel < 3; channel++) {
        image.data[4 * i + channel] = this.pixels[(this.channels === 1 ? 0 : channel) * area + i];
      }
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
    if (!this.cursor) return;
    context.fillStyle = "#ff9d57";
    context.fillRect(this.cursor[0], this.cursor[1], 1, 1);
  }
}
