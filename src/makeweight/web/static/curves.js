// Learning curves, of each training or as means, that grow with every epoch. Chart is the report's: colours, legend and keyboard.
/* global Chart */
import { onFrame, recalled, remember } from "./dom.js";

const TITLES = { 1: "training loss", 2: "validation loss", 3: "validation accuracy (%)" };

const place = (epoch, of, over) => (over === "share" ? 100 * epoch / of : epoch);
const reading = (point, value) => (point[value] === null ? null : point[value] * (value === "3" ? 100 : 1));
const inWords = (height) => (height === null ? "unknown" : height.toPrecision(4));
const meanOf = (numbers) => numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
const key = (curve) => `${curve.network}|${curve.of}`;

function groupsOf(curves) {
  const groups = new Map();
  for (const curve of curves) groups.set(key(curve), [...(groups.get(key(curve)) ?? []), curve]);
  return groups;
}

export class Curves extends Chart {
  constructor(section) {
    super(section, { figures: {}, logAxis: "yaxis" });
    this.curves = new Map();
    this.empty = section.querySelector("[data-empty]");
    this.drawSoon = onFrame(() => this.draw());
    this.recall();
    section.addEventListener("change", (event) => {
      if (event.target.matches("[data-over]")) this.overChosen = true;
      if (event.target.matches("[data-over], [data-lines]")) this.draw();
      this.keep();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", this.drawSoon);
  }

  recall() {
    const [select] = this.all("[data-choice]"), value = recalled("value");
    if (value && select && TITLES[value]) select.value = value;
    const over = this.section.querySelector("[data-over]"), lines = this.section.querySelector("[data-lines]");
    this.overChosen = ["epochs", "share"].includes(recalled("over"));
    if (over && this.overChosen) over.value = recalled("over");
    if (lines && recalled("lines") === "each") lines.value = "each";
    const log = this.section.querySelector("[data-log]");
    if (log) log.checked = recalled("log") === "1";
    const hidden = new Set((recalled("hide") || "").split(",").filter(Boolean));
    for (const box of this.all("[data-series]")) box.checked = !hidden.has(box.value);
  }

  keep() {
    const hidden = this.all("[data-series]").filter((box) => !box.checked).map((box) => box.value);
    const [select] = this.all("[data-choice]");
    const log = this.section.querySelector("[data-log]")?.checked;
    const over = this.overChosen ? this.section.querySelector("[data-over]").value : null;
    const lines = this.section.querySelector("[data-lines]")?.value === "each" ? "each" : null;
    remember({ over, lines, value: select.value === "3" ? null : select.value, log: log ? "1" : null, hide: hidden.join(",") });
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

  // Of unequal schedules, epochs say little: by default the axis is then the share of the training.
  over() {
    const select = this.section.querySelector("[data-over]");
    if (select && !this.overChosen) select.value = new Set([...this.curves.values()].map((curve) => curve.of)).size > 1 ? "share" : "epochs";
    return select?.value ?? "epochs";
  }

  figure(value) {
    const curves = [...this.curves.values()].filter((curve) => curve.points.length), over = this.over();
    const each = this.section.querySelector("[data-lines]")?.value === "each";
    const data = each ? curves.map((curve) => this.line(curve, value, over)) : this.means(curves, value, over);
    const words = over === "share" ? "share of the training (%)" : "epoch";
    return { data, layout: {
      xaxis: { title: { text: words }, rangemode: "tozero" }, yaxis: { title: { text: TITLES[value] } },
      hovermode: "closest", showlegend: false,
    } };
  }

  line(curve, value, over) {
    const done = curve.points.length >= curve.of, y = curve.points.map((point) => reading(point, value));
    return {
      type: "scatter", mode: curve.points.length > 1 ? "lines" : "markers", meta: curve.network,
      x: curve.points.map((point) => place(point[0], curve.of, over)), y, hoverinfo: "text", opacity: done ? 0.65 : 1,
      hovertext: y.map((height, i) => `${curve.label}, epoch ${curve.points[i][0]} of ${curve.of}<br>`
        + `${TITLES[value]} ${inWords(height)}`),
      line: { color: curve.colour, dash: curve.dash, width: done ? 1.5 : 2.5 }, marker: { color: curve.colour, size: 6 },
    };
  }

  // The mean over a network's seeds as far as each has come, on a band from the lowest to the highest.
  means(curves, value, over) {
    const groups = groupsOf(curves), bands = [], lines = [];
    for (const group of groups.values()) {
      const [{ network, colour, dash, of }] = group, byEpoch = new Map();
      for (const curve of group) {
        for (const point of curve.points) {
          const height = reading(point, value);
          if (height !== null) byEpoch.set(point[0], [...(byEpoch.get(point[0]) ?? []), height]);
        }
      }
      const epochs = [...byEpoch.keys()].sort((a, b) => a - b), heights = epochs.map((epoch) => byEpoch.get(epoch));
      const x = epochs.map((epoch) => place(epoch, of, over)), mean = heights.map(meanOf);
      const low = heights.map((seeds) => Math.min(...seeds)), high = heights.map((seeds) => Math.max(...seeds));
      if (group.length > 1) {
        bands.push({
          type: "scatter", mode: "lines", meta: network, x: [...x, ...[...x].reverse()], y: [...high, ...[...low].reverse()],
          fill: "toself", fillcolor: colour, line: { width: 0, color: colour }, opacity: 0.18, hoverinfo: "skip",
        });
      }
      lines.push({
        type: "scatter", mode: x.length > 1 ? "lines" : "markers", meta: network, x, y: mean, hoverinfo: "text",
        hovertext: mean.map((height, i) => `${network}, epoch ${epochs[i]} of ${of}<br>${TITLES[value]} ${inWords(height)}`
          + (heights[i].length > 1 ? `<br>from ${inWords(low[i])} to ${inWords(high[i])} over ${heights[i].length} seeds` : "")),
        line: { color: colour, dash, width: 2 }, marker: { color: colour, size: 6 },
      });
    }
    return [...bands, ...lines];
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
