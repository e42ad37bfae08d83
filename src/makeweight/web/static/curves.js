// Learning curves, one line per training, that grow with every epoch. Chart is the report's: colours, legend and keyboard.
/* global Chart */
import { onFrame, recalled, remember } from "./dom.js";

const TITLES = { 1: "training loss", 2: "validation loss", 3: "validation accuracy (%)" };

export class Curves extends Chart {
  constructor(section) {
    super(section, { figures: {}, logAxis: "yaxis" });
    this.curves = new Map();
    this.empty = section.querySelector("[data-empty]");
    this.drawSoon = onFrame(() => this.draw());
    this.recall();
    section.addEventListener("change", () => this.keep());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", this.drawSoon);
  }

  recall() {
    const [select] = this.all("[data-choice]"), value = recalled("value");
    if (value && select && TITLES[value]) select.value = value;
    const log = this.section.querySelector("[data-log]");
    if (log) log.checked = recalled("log") === "1";
    const hidden = new Set((recalled("hide") || "").split(",").filter(Boolean));
    for (const box of this.all("[data-series]")) box.checked = !hidden.has(box.value);
  }

  keep() {
    const hidden = this.all("[data-series]").filter((box) => !box.checked).map((box) => box.value);
    const [select] = this.all("[data-choice]");
    const log = this.section.querySelector("[data-log]")?.checked;
    remember({ value: select.value === "3" ? null : select.value, log: log ? "1" : null, hide: hidden.join(",") });
  }

  switchAll(on) {
    super.switchAll(on);
    this.keep();
  }

  reset(curves) {
    this.curves = new Map(curves.map((curve) => [curve.key, curve]));
    this.drawSoon();
  }

  replace(curve) {
    this.curves.set(curve.key, curve);
    this.drawSoon();
  }

  remove(keys) {
    for (const key of keys) this.curves.delete(key);
    this.drawSoon();
  }

  // An epoch may come twice, or again after a resumed training went back to its checkpoint.
  grow(key, point) {
    const curve = this.curves.get(key);
    if (!curve) return;
    curve.points = curve.points.filter((known) => known[0] < point[0]);
    curve.points.push(point);
    this.drawSoon();
  }

  figure(value) {
    const data = [...this.curves.values()].filter((curve) => curve.points.length).map((curve) => {
      const scale = value === "3" ? 100 : 1, done = curve.points.length >= curve.of;
      const y = curve.points.map((point) => (point[value] === null ? null : point[value] * scale));
      return {
        type: "scatter", mode: curve.points.length > 1 ? "lines" : "markers", meta: curve.network,
        x: curve.points.map((point) => point[0]), y, hoverinfo: "text", opacity: done ? 0.65 : 1,
        hovertext: y.map((reading, i) => `${curve.label}, epoch ${curve.points[i][0]} of ${curve.of}<br>`
          + `${TITLES[value]} ${reading === null ? "unknown" : reading.toPrecision(4)}`),
        line: { color: curve.colour, dash: curve.dash, width: done ? 1.5 : 2.5 }, marker: { color: curve.colour, size: 6 },
      };
    });
    return { data, layout: {
      xaxis: { title: { text: "epoch" }, rangemode: "tozero" }, yaxis: { title: { text: TITLES[value] } },
      hovermode: "closest", showlegend: false,
    } };
  }

  draw() {
    const [select] = this.all("[data-choice]"), figure = this.figure(select.value);
    this.empty.hidden = figure.data.length > 0;
    this.live.hidden = !figure.data.length;
    if (!figure.data.length) return;
    this.record.figures[select.value] = figure;
    const { at, reading: { textContent } } = this; // what the keyboard has reached stays reached while curves grow
    super.draw();
    Object.assign(this, { at });
    this.reading.textContent = textContent;
  }
}
