// The look inside: an image that is drawn, chosen or sent, the network's answer, and every layer's maps of it.
import { all, ask, element, find, getJson, percent, postBytes, recalled, Refused, remember } from "./dom.js";
import { asWords, Sheet } from "./maps.js";
import { Paper } from "./paper.js";

export class Look {
  constructor(holder, url, about) {
    Object.assign(this, { holder, url, about, busy: false, wanted: null, asked: 0 });
    this.paper = new Paper(find("[data-paper]", holder), about.image, () => this.drawn());
    const colours = asWords(about.palette);
    this.sheets = about.layers.map((layer) => new Sheet(layer, colours, (sheet, filter) => this.choose(sheet, filter)));
    find("[data-layers]", holder).append(...this.sheets.map((sheet) => sheet.root));
    this.one = find("[data-one]", holder).content.firstElementChild.cloneNode(true);
    this.answers = about.classes.map((name) => {
      const bar = element("i"), share = element("em");
      const item = element("li", {}, element("b", { textContent: name, title: name }), element("span", {}, bar), share);
      return { item, bar, share };
    });
    find("[data-answers]", holder).append(...this.answers.map(({ item }) => item));
    this.startControls();
    this.startOne();
  }

  async start() {
    find(".live-look", this.holder).hidden = false;
    const number = recalled("image");
    if (number !== null) await this.showSource("test");
    else await this.showSource("draw");
    const layer = this.sheets.find((sheet) => sheet.name === recalled("layer"));
    const filter = Number(recalled("filter") ?? 0);
    if (layer && Number.isInteger(filter) && filter >= 0 && filter < layer.filters) this.choose(layer, filter);
  }

  startControls() {
    const { holder, paper } = this;
    for (const radio of all("[data-sources] input", holder)) {
      radio.addEventListener("change", () => this.showSource(radio.value));
    }
    find("[data-brush]", holder).addEventListener("input", (event) => { paper.brush = Number(event.target.value); });
    paper.brush = Number(find("[data-brush]", holder).value);
    find("[data-erase]", holder).addEventListener("change", (event) => { paper.erase = event.target.checked; });
    find("[data-undo]", holder).addEventListener("click", () => paper.undo());
    find("[data-clear]", holder).addEventListener("click", () => paper.clear());
    this.number = find("[data-number]", holder);
    this.number.max = String(this.about.tests - 1);
    this.number.value = recalled("image") ?? String(this.about.firsts[0] ?? 0);
    this.number.addEventListener("change", () => this.showTest(Number(this.number.value)));
    for (const button of all("[data-step]", holder)) {
      button.addEventListener("click", () => this.showTest(Number(this.number.value) + Number(button.dataset.step)));
    }
    find("[data-firsts]", holder).append(...this.about.firsts.map((number, i) => {
      const button = element("button", { type: "button", textContent: this.about.classes[i] });
      button.addEventListener("click", () => this.showTest(number));
      return button;
    }));
    const file = find("[data-file]", holder);
    file.addEventListener("change", () => this.send(file.files[0]));
    find("[data-invert]", holder).addEventListener("change", () => this.send(file.files[0], true));
    this.paper.canvas.addEventListener("dragover", (event) => event.preventDefault());
    this.paper.canvas.addEventListener("drop", (event) => {
      event.preventDefault();
      this.send(event.dataTransfer.files[0]);
    });
  }

  async showSource(source) {
    for (const part of all("[data-for]", this.holder)) part.hidden = part.dataset.for !== source;
    const radio = find(`[data-sources] input[value=${source}]`, this.holder);
    radio.checked = true;
    if (source === "test") await this.showTest(Number(this.number.value));
    else remember({ image: null });
    if (source === "draw") this.drawn();
  }

  // While an answer is under way, only the latest change waits: strokes are faster than networks.
  drawn() {
    if (this.truth !== undefined) this.truth = undefined;
    this.wanted = performance.now();
    if (!this.busy) this.ask();
  }

  async ask() {
    this.busy = true;
    while (this.wanted !== null) {
      const since = this.wanted, mine = ++this.asked;
      this.wanted = null;
      try {
        const answer = await (await postBytes(`${this.url}/see`, this.paper.pixels)).arrayBuffer();
        if (mine === this.asked) this.show(answer, since);
      } catch (error) {
        this.say(error instanceof Refused ? error.message : "The server doesn't answer. Draw again to retry.");
      }
    }
    this.busy = false;
  }

  async showTest(number) {
    const last = this.about.tests - 1;
    number = Number.isInteger(number) ? Math.min(last, Math.max(0, number)) : 0;
    this.number.value = String(number);
    remember({ image: number });
    const since = performance.now(), mine = ++this.asked;
    try {
      const answer = await (await ask(`${this.url}/test/${number}`)).arrayBuffer();
      if (mine === this.asked) this.show(answer, since, true);
    } catch (error) {
      this.say(error.message);
    }
  }

  // A picture that is dark on bright where the data are bright on dark is inverted, unless the reader has just chosen.
  async send(file, chosen = false) {
    if (!file) return;
    const since = performance.now(), mine = ++this.asked, invert = find("[data-invert]", this.holder).checked;
    this.say("Reading the picture …");
    try {
      const response = await postBytes(`${this.url}/picture?invert=${invert ? 1 : 0}`, file);
      const answer = await response.arrayBuffer();
      if (mine !== this.asked) return;
      if (response.headers.get("X-Looks-Inverted") === "1" && !chosen && !invert) {
        find("[data-invert]", this.holder).checked = true;
        await this.send(file, true);
      } else {
        this.show(answer, since, true);
      }
    } catch (error) {
      this.say(error.message);
    }
  }

  // The answer: length of the header, header, pixels, maps; see makeweight.web.eyes.pack.
  show(answer, since, withPixels = false) {
    const length = new DataView(answer).getUint32(0, true), bytes = new Uint8Array(answer);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
    const pixels = this.about.image.reduce((a, b) => a * b);
    let from = 4 + length;
    if (withPixels) {
      this.paper.keep();
      this.paper.set(bytes.slice(from, from + pixels), true);
    }
    from += pixels;
    this.sheets.forEach((sheet, i) => {
      const size = sheet.filters * sheet.high * sheet.wide;
      sheet.show(bytes.subarray(from, from + size), header.layers[i]);
      from += size;
    });
    this.showAnswers(header);
    if (this.sheet) this.sheet.enlarge(find("[data-large]", this.one), this.filter);
    const ms = performance.now() - since;
    const note = find("[data-latency]", this.holder);
    note.textContent = this.paper.isBlank() ? "" : `Answered in ${ms.toFixed(0)} ms.`;
    note.dataset.latency = ms.toFixed(1);
  }

  showAnswers({ probabilities, truth }) {
    if (this.paper.isBlank()) return this.hint();
    find("[data-answers]", this.holder).hidden = false;
    const best = probabilities.indexOf(Math.max(...probabilities)), { classes } = this.about;
    this.answers.forEach(({ item, bar, share }, i) => {
      bar.style.width = `${100 * probabilities[i]}%`;
      share.textContent = percent(probabilities[i], 1);
      item.classList.toggle("best", i === best);
      item.classList.toggle("true", i === truth);
    });
    const judged = truth === null ? "" : truth === best ? ", which is right" : `; it is ${classes[truth]}`;
    this.say(`Looks like ${classes[best]}, ${percent(probabilities[best], 1)}${judged}.`);
  }

  // A network is as sure of an empty sheet as of any image, and it means nothing.
  hint() {
    for (const { item, bar, share } of this.answers) {
      bar.style.width = share.textContent = "";
      item.classList.remove("best", "true");
    }
    find("[data-answers]", this.holder).hidden = true;
    this.say("Draw something, or choose a test image or a picture of your own.");
  }

  say(words) {
    find("[data-verdict]", this.holder).textContent = words;
  }

  startOne() {
    this.slider = find("[data-filter]", this.one);
    this.slider.addEventListener("input", () => this.choose(this.sheet, Number(this.slider.value)));
    const colours = this.about.palette.filter((_, i) => i % 9 === 0).map(([r, g, b]) => `rgb(${r} ${g} ${b})`);
    find(".ramp", this.one).style.background = `linear-gradient(to right, ${colours.join(",")})`;
  }

  choose(sheet, filter) {
    for (const other of this.sheets) other.mark_(other === sheet ? filter : null);
    Object.assign(this, { sheet, filter });
    if (this.one.parentElement !== sheet.place) sheet.place.append(this.one);
    this.slider.max = String(sheet.filters - 1);
    this.slider.value = String(filter);
    const words = `${filter} (0 to ${sheet.filters - 1})`;
    find("[data-filter-words]", this.one).textContent = words;
    this.slider.setAttribute("aria-valuetext", words);
    find("[data-low]", this.one).textContent = sheet.scale[0].toPrecision(3);
    find("[data-high]", this.one).textContent = sheet.scale[1].toPrecision(3);
    sheet.enlarge(find("[data-large]", this.one), filter);
    remember({ layer: sheet.name, filter });
    clearTimeout(this.searching);
    this.searching = setTimeout(() => this.search(sheet, filter), 250); // not for each step of the slider
  }

  async search(sheet, filter) {
    const note = find("[data-responds]", this.one), list = find("[data-responses]", this.one);
    note.textContent = `Looking through ${this.about.tests.toLocaleString("en")} test images …`;
    list.replaceChildren();
    try {
      const answer = await getJson(`${this.url}/responses?layer=${encodeURIComponent(sheet.name)}&filter=${filter}`);
      if (this.sheet !== sheet || this.filter !== filter) return;
      note.textContent = "The test images it responds to most, with the part it responds to:";
      list.replaceChildren(...answer.images.map((image) => this.response(image)));
    } catch (error) {
      note.textContent = error.message;
    }
  }

  response({ number, class: name, strength, box: [left, top, right, bottom], pixels }) {
    const [channels, height, width] = this.about.image;
    const canvas = element("canvas");
    new Paper(canvas, [channels, height, width], () => {}).set(Uint8Array.from(atob(pixels), (c) => c.charCodeAt(0)), true);
    const still = canvas.cloneNode(); // without the paper's listeners: nobody draws here
    still.getContext("2d").drawImage(canvas, 0, 0);
    const mark = element("div", { className: "mark" });
    Object.assign(mark.style, {
      left: `${100 * left / width}%`, top: `${100 * top / height}%`,
      width: `${100 * (right - left) / width}%`, height: `${100 * (bottom - top) / height}%`,
    });
    const button = element("button", { type: "button", className: "response", title: `strength ${strength.toPrecision(3)}` },
      element("span", { className: "maps" }, still, mark), element("span", { textContent: name }));
    button.setAttribute("aria-label", `Test image ${number}, ${name}: look at it`);
    button.addEventListener("click", () => { this.number.value = String(number); this.showSource("test"); });
    return element("li", {}, button);
  }
}
