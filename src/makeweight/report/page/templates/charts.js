// Charts: Python has made every figure; here one of them is chosen, filtered by network, and given the page's colours.
"use strict";

const PLOT = { displayModeBar: false, responsive: true, scrollZoom: false };

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// Plotly is held deflated: the page stands before its 4.8 MB are read. As the text of an element it runs by the hash in
// the page's policy, which needs neither eval nor a second file.
async function loadPlotly() {
  const text = atob(document.getElementById("plotly-data").textContent), packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
}

// A trace of several networks names them in `ids`: leave out the points of those that are switched off.
function filtered(trace, shown) {
  if (!trace.ids) return trace;
  const kept = trace.ids.map((id, i) => (shown.has(id) ? i : -1)).filter((i) => i >= 0);
  const pick = (values) => (Array.isArray(values) ? kept.map((i) => values[i]) : values);
  const result = { ...trace };
  for (const name of ["x", "y", "ids", "text", "hovertext"]) result[name] = pick(trace[name]);
  if (trace.error_y) {
    const error = trace.error_y;
    result.error_y = { ...error, array: pick(error.array), arrayminus: pick(error.arrayminus) };
  }
  return result;
}

class Chart {
  constructor(section, record) {
    this.section = section;
    this.record = record;
    this.plot = section.querySelector(".plot");
    this.live = section.querySelector(".live");
    this.reading = section.querySelector(".reading");
    this.at = null; // [trace, point] that the arrow keys have reached
    section.addEventListener("change", (event) => {
      if (event.target.matches("[data-choice], [data-log], [data-series]")) this.draw();
    });
    for (const button of section.querySelectorAll("[data-all]")) {
      button.addEventListener("click", () => this.switchAll(button.dataset.all === "true"));
    }
    this.live.addEventListener("keydown", (event) => this.walk(event));
    this.live.addEventListener("blur", () => window.Plotly.Fx.unhover(this.plot));
  }

  show() {
    this.live.hidden = false;
    this.section.classList.add("drawn"); // the still figures give way, except in print
    this.draw();
  }

  all(selector) {
    return [...this.section.querySelectorAll(selector)];
  }

  switchAll(on) {
    for (const box of this.all("[data-series]")) box.checked = on;
    this.draw();
  }

  draw() {
    const key = this.all("[data-choice]").map((select) => select.value).join("|");
    const boxes = this.all("[data-series]");
    const known = new Set(boxes.map((box) => box.value));
    const shown = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    const figure = this.record.figures[key];
    const data = figure.data
      .filter((trace) => !known.has(trace.meta) || shown.has(trace.meta))
      .map((trace) => filtered(trace, shown));
    this.at = null;
    this.reading.textContent = "";
    window.Plotly.react(this.plot, data, this.layout(figure.layout, key), PLOT);
  }

  layout(layout, key) {
    const ink = colour("--ink"), grid = colour("--grid"), narrow = window.innerWidth < 600;
    const family = getComputedStyle(document.body).fontFamily;
    const axis = (own) => ({
      ...own,
      title: { ...own.title, standoff: 10, font: { size: narrow ? 12 : 14 } },
      automargin: true, gridcolor: grid, linecolor: ink, tickcolor: ink, showline: true, ticks: "outside",
      zeroline: false,
    });
    const result = {
      ...layout, xaxis: axis(layout.xaxis), yaxis: axis(layout.yaxis), uirevision: key,
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 10, r: 28, t: 10, b: 10 },
      font: { color: ink, family, size: narrow ? 12 : 13 },
      hoverlabel: {
        bgcolor: colour("--raised"), bordercolor: ink, align: "left", font: { color: ink, family, size: narrow ? 11 : 13 },
      },
      dragmode: window.matchMedia("(pointer: coarse)").matches ? false : "zoom", // a finger scrolls the page
    };
    const log = this.section.querySelector("[data-log]");
    if (log) {
      const axisOf = result[this.record.logAxis];
      axisOf.type = log.checked ? "log" : "linear";
      result.uirevision = `${key}|${axisOf.type}`;
      if (!log.checked) axisOf.tickvals = axisOf.ticktext = null; // they are for the logarithmic axis
    }
    return result;
  }

  // Arrow keys go from mark to mark: left and right within a line, up and down between lines.
  walk(event) {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!step) return;
    event.preventDefault();
    const traces = this.plot.data.map((trace, i) => i).filter((i) => (this.plot.data[i].hovertext || []).length);
    if (!traces.length) return;
    let [place, point] = this.at || [0, -step[1]];
    place = (place + step[0] + traces.length) % traces.length;
    const trace = this.plot.data[traces[place]];
    point = Math.min(Math.max(point + step[1], 0), trace.hovertext.length - 1);
    this.at = [place, point];
    window.Plotly.Fx.hover(this.plot, [{ curveNumber: traces[place], pointNumber: point }]);
    const words = new DOMParser().parseFromString(trace.hovertext[point].replaceAll("<br>", "; "), "text/html");
    this.reading.textContent = words.body.textContent;
  }
}

async function startCharts() {
  const records = JSON.parse(document.getElementById("charts-data").textContent);
  const charts = [...document.querySelectorAll("[data-chart]")].map(
    (section) => new Chart(section, records[section.dataset.chart]),
  );
  await loadPlotly();
  for (const chart of charts) {
    chart.show();
    await new Promise(requestAnimationFrame); // let the page answer between two charts
  }
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const chart of charts) chart.draw();
  });
  document.documentElement.classList.add("charts-ready");
}
