// The page of a study: what runs, curves that grow, the table, and the statistics once they are computed.
/* global Chart */
import { all, element, find, getJson, percent, postJson } from "./dom.js";
import { Curves } from "./curves.js";
import { SortableTable } from "./sort.js";
import { startScrollers } from "./scrollers.js";
import { Stream } from "./stream.js";

const holder = find("#study"), url = holder.dataset.url;
const curves = new Curves(find("[data-chart=live]"));
const table = find("[data-networks]") && new SortableTable(find("[data-networks]"));
let running = [], counted = null;

function showOverview(overview) {
  const badge = find("[data-state]", holder);
  badge.textContent = overview.stateWords;
  badge.className = `badge ${overview.state}`;
  find("[data-words]", holder).textContent = overview.words;
  find("[data-left]", holder).textContent = overview.left && `· ${overview.left}`;
  find("progress", holder).value = overview.share;
  find("[data-stop]", holder).hidden = !overview.canStop;
  find("[data-resume]", holder).hidden = !overview.canResume;
  running = overview.running;
  showRunning();
  for (const network of overview.networks) showNetwork(network);
  table?.sort();
  const failures = find("[data-failures]");
  failures.hidden = !overview.failures.length;
  find("ul", failures).replaceChildren(...overview.failures.map((line) => element("li", { textContent: line })));
  const done = overview.networks.reduce((sum, network) => sum + network.done, 0);
  if (done !== counted) {
    counted = done;
    if (done) showCharts();
  }
}

function showRunning() {
  find("[data-running-section]").hidden = !running.length;
  find("[data-running]").replaceChildren(...running.map((job) => {
    const points = curves.curves.get(job.key)?.points ?? [], last = points.at(-1);
    const bar = element("progress", { max: job.of, value: last ? last[0] : 0, ariaLabel: `Epochs of ${job.label}` });
    const words = last ? `epoch ${last[0]} of ${job.of}, validation ${percent(last[3])}` : `epoch 1 of ${job.of}`;
    return element("li", {}, element("b", { textContent: job.label }), bar, element("span", { textContent: words }));
  }));
}

function showNetwork(network) {
  const row = all("tr", table?.table).find((each) => each.dataset.label === network.label);
  if (!row) return;
  const [head, , , seeds, accuracy, span, validation, seconds, state, tick] = row.cells;
  if (network.href && !find("a", head)) {
    head.replaceChildren(element("a", { href: network.href, textContent: network.label }));
    const box = element("input", { type: "checkbox", name: "network", value: network.name });
    const label = element("label", { className: "tick" }, box);
    label.append(element("span", { className: "unseen", textContent: `Compare ${network.label}` }));
    tick.replaceChildren(label);
  }
  seeds.textContent = `${network.done} of ${network.seeds}`;
  accuracy.textContent = network.accuracyWords;
  span.textContent = network.span;
  validation.textContent = network.validationWords;
  seconds.textContent = network.seconds === null ? "–" : network.seconds.toFixed(1);
  state.textContent = network.state;
}

let asked = 0;

async function showCharts() {
  const mine = ++asked, place = find("[data-charts]");
  try {
    const answer = await getJson(`${url}/charts`);
    if (mine !== asked) return;
    const kept = choices(place), folded = all("details[open]", place).map((each) => each.textContent.slice(0, 40));
    place.innerHTML = answer.markup; // rendered by our own server, which escapes every name
    for (const section of all("[data-chart]", place)) {
      restore(section, kept);
      new Chart(section, answer.figures[section.dataset.chart]).show();
    }
    for (const each of all("details", place)) each.open = folded.includes(each.textContent.slice(0, 40));
    startScrollers(place);
    document.documentElement.classList.add("charts-ready");
  } catch (error) {
    if (mine === asked) place.replaceChildren(element("p", { className: "note", textContent: error.message }));
  }
}

function choices(place) {
  return new Map(all("select, input", place).map((each, i) => [i, each.type === "checkbox" ? each.checked : each.value]));
}

// What the reader has chosen stays chosen when the statistics are computed anew.
function restore(section, kept) {
  all("select, input", section.parentElement).forEach((each, i) => {
    if (!kept.has(i)) return;
    if (each.type === "checkbox") each.checked = kept.get(i);
    else if ([...each.options].some((option) => option.value === kept.get(i))) each.value = kept.get(i);
  });
}

function showWhole(whole) {
  curves.reset(whole.curves);
  showOverview(whole);
  document.documentElement.classList.add("ready");
}

function showConnection(state) {
  find("[data-connection]").textContent = state === "lost" ? "The connection is lost; it is tried again and again." : "";
  document.documentElement.classList.toggle("lost", state === "lost");
}

async function act(name, words) {
  const said = find("[data-said]", holder), buttons = all("button", holder);
  said.textContent = words;
  for (const button of buttons) button.disabled = true;
  try {
    await postJson(`${url}/${name}`, {});
    said.textContent = name === "stop" ? "Stopping: running trainings save their epoch." : "";
    if (name === "stop") setTimeout(() => { said.textContent = ""; }, 8000);
  } catch (error) {
    said.textContent = error.message;
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

find("[data-stop]", holder).addEventListener("click", () => act("stop", "Asking it to stop …"));
find("[data-resume]", holder).addEventListener("click", () => act("resume", "Starting …"));
startScrollers();
new Stream(`${url}/events`, {
  whole: showWhole,
  overview: showOverview,
  epoch: ({ key, point }) => { curves.grow(key, point); showRunning(); },
  curve: (curve) => { curves.replace(curve); showRunning(); },
  gone: (keys) => curves.remove(keys),
  problem: (words) => { find("[data-connection]").textContent = words; },
}, showConnection);
