// The feature-map viewer: native radio buttons and a slider, so that keyboard and screen reader need no help.

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children); // text stays text: nothing here reads markup
  return made;
}

function signed(number) {
  return number.toPrecision(3).replace("-", "−");
}

function radios(legend, className, name, contents, checked, onChange) {
  const set = element("fieldset", { className: `pills ${className}` }, element("legend", { textContent: legend }));
  contents.forEach((content, i) => {
    const input = element("input", { type: "radio", name, value: String(i), checked: i === checked });
    input.addEventListener("change", () => onChange(i));
    set.append(element("label", {}, input, element("span", {}, content)));
  });
  return set;
}

class Viewer {
  constructor(holder, data) {
    this.data = data;
    this.label = holder.dataset.viewer;
    this.network = data.networks[this.label];
    this.sample = this.layer = this.filter = 0;
    const thumbs = data.samples.map((s) => element("img", { src: s.image, alt: this.named(s), title: this.named(s) }));
    const layers = this.network.layers.map((layer) => layer.name);
    const name = (what) => `${what}-${this.label}`;
    holder.append(
      radios("Image", "thumbs", name("sample"), thumbs, 0, (i) => this.show({ sample: i })),
      radios("Layer", "layers", name("layer"), layers, 0, (i) => this.show({ layer: i, filter: 0 })),
      element("div", { className: "look" }, this.makeAnswers(), this.makeMaps()),
    );
    this.show({});
  }

  named(sample) {
    return sample.truth ? `${sample.name}: ${sample.truth}` : sample.name;
  }

  makeAnswers() {
    this.seen = element("img", { className: "seen" });
    this.caption = element("p", { className: "note" });
    this.answers = element("ol", { className: "answers" });
    return element("div", {}, this.seen, this.caption, this.answers);
  }

  makeMaps() {
    this.words = element("p", { className: "note" });
    this.words.setAttribute("role", "status");
    this.sheet = element("img");
    this.mark = element("div", { className: "mark" });
    this.maps = element("div", { className: "maps" }, this.sheet, this.mark);
    this.maps.addEventListener("pointermove", (event) => this.point(event));
    this.maps.addEventListener("pointerleave", () => this.showFilter(this.filter));
    this.maps.addEventListener("click", (event) => this.point(event, true));
    this.sheet.addEventListener("load", () => this.showFilter(this.filter));
    this.large = element("canvas");
    this.large.setAttribute("role", "img");
    this.number = element("output");
    this.slider = element("input", { type: "range", min: "0", step: "1" });
    this.slider.addEventListener("input", () => this.show({ filter: Number(this.slider.value) }));
    const label = element("label", {}, "Filter ", this.number, this.slider);
    const hint = element("p", { className: "note", textContent: "Point at a map for its number, click to keep it." });
    this.scale = element("p", { className: "scale" });
    const ramp = element("span", { className: "ramp" });
    ramp.style.background = `linear-gradient(to right, ${this.data.palette.join(",")})`;
    this.low = element("span");
    this.high = element("span");
    this.scale.append(this.low, ramp, this.high);
    const one = element("div", { className: "one" }, this.large, element("div", {}, label, hint));
    return element("div", {}, this.words, this.maps, this.scale, one);
  }

  show(changes) {
    Object.assign(this, changes);
    const sample = this.data.samples[this.sample], layer = this.network.layers[this.layer];
    this.seen.src = sample.image;
    this.seen.alt = this.named(sample);
    this.showAnswers(sample);
    const [width, height] = layer.tile;
    const size = height * width > 1 ? `${layer.filters} maps of ${height} × ${width}` : `${layer.filters} values`;
    this.words.textContent = [
      `${layer.name} (${layer.kind}): ${size} for ${sample.name}, seed ${this.network.seed}.`,
      layer.shown && layer.shown !== layer.name ? `Shown after ${layer.shown}.` : "",
      layer.sees[0] ? `A value sees ${layer.sees.join(" × ")} pixels.` : "",
      `All samples' values go from ${layer.range.map(signed).join(" to ")}`
        + (layer.zeros ? `, and ${(100 * layer.zeros).toFixed(0)} % of them are 0.` : "."),
    ].filter(Boolean).join(" ");
    this.sheet.alt = `${size} of layer ${layer.name} in ${this.label} for ${this.named(sample)}`;
    const [low, high] = layer.scale;
    this.low.textContent = (layer.range[0] < low ? "≤ " : "") + signed(low);
    this.high.textContent = (layer.range[1] > high ? "≥ " : "") + signed(high);
    this.slider.max = String(layer.filters - 1);
    this.slider.value = String(this.filter);
    if (this.sheet.getAttribute("src") === layer.sheets[this.sample]) this.showFilter(this.filter);
    else this.sheet.src = layer.sheets[this.sample]; // its load event shows the filter
  }

  showAnswers(sample) {
    const shares = this.network.probabilities[this.sample];
    const order = shares.map((share, i) => i).sort((a, b) => shares[b] - shares[a]);
    const given = this.data.classes[order[0]];
    const judged = !sample.truth ? "" : sample.truth === given ? ", which is right" : `; it is ${sample.truth}`;
    this.caption.textContent = `${sample.name}: predicted as ${given}${judged}.`;
    this.answers.replaceChildren(...order.slice(0, 5).map((i) => {
      const bar = element("i");
      bar.style.width = `${100 * shares[i]}%`;
      const item = element("li", {}, element("b", { textContent: this.data.classes[i] }), element("span", {}, bar),
        element("em", { textContent: `${(100 * shares[i]).toFixed(1)} %` }));
      item.classList.toggle("true", this.data.classes[i] === sample.truth);
      return item;
    }));
  }

  // Where a filter's map lies on the sheet, in the sheet's own pixels.
  place(filter) {
    const { tile: [width, height], columns, gap } = this.network.layers[this.layer];
    const column = filter % columns, row = Math.floor(filter / columns);
    return { x: column * (width + gap), y: row * (height + gap), width, height };
  }

  point(event, keep = false) {
    const layer = this.network.layers[this.layer], box = this.sheet.getBoundingClientRect();
    const { tile: [width, height], columns, gap } = layer;
    const scale = this.sheet.naturalWidth / box.width;
    const column = Math.floor(((event.clientX - box.left) * scale + gap / 2) / (width + gap));
    const row = Math.floor(((event.clientY - box.top) * scale + gap / 2) / (height + gap));
    const filter = row * columns + column;
    if (column < 0 || column >= columns || filter < 0 || filter >= layer.filters) return;
    if (keep) this.show({ filter });
    else this.showFilter(filter);
  }

  showFilter(filter) {
    const layer = this.network.layers[this.layer], { x, y, width, height } = this.place(filter);
    const { naturalWidth, naturalHeight } = this.sheet;
    if (!naturalWidth) return;
    const factor = Math.max(1, Math.min(24, Math.floor(680 / naturalWidth)));
    this.maps.style.width = `${naturalWidth * factor}px`;
    const percent = (part, whole) => `${(100 * part) / whole}%`;
    Object.assign(this.mark.style, {
      left: percent(x, naturalWidth), top: percent(y, naturalHeight),
      width: percent(width, naturalWidth), height: percent(height, naturalHeight),
    });
    this.large.width = width;
    this.large.height = height;
    this.large.getContext("2d").drawImage(this.sheet, x, y, width, height, 0, 0, width, height);
    this.number.textContent = `${filter} (0 to ${layer.filters - 1})`;
    this.slider.setAttribute("aria-valuetext", this.number.textContent);
    this.large.setAttribute("aria-label", `Filter ${filter} of layer ${layer.name}, enlarged`);
  }
}

let viewerData = null;

function startViewer(holder) {
  if (!holder || holder.classList.contains("started")) return;
  viewerData ??= JSON.parse(document.getElementById("viewer-data").textContent);
  new Viewer(holder, viewerData);
  holder.classList.add("started");
}
