// The page of a study: what runs, curves that grow, the table, and the statistics once they are computed.
import { all, element, find, getJson, percent, postJson, ready, showChart, startScrollers } from "./dom.js";
import { Curves } from "./curves.js";
import { SortableTable } from "./sort.js";
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
  const problem = find("[data-problem]", holder), failures = find("[data-failures]");
  problem.hidden = !overview.problem;
  problem.textContent = overview.problem;
  failures.hidden = !overview.failures.length;
  find("ul", failures).replaceChildren(...overview.failures.map((line) => element("li", { textContent: line })));
  if (overview.done !== counted) {
    counted = overview.done;
    if (counted) showCharts();
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
  const row = all("tr", table?.table).find((candidate) => candidate.dataset.label === network.label);
  if (!row) return;
  const head = row.cells[0], tick = [...row.cells].at(-1);
  if (network.href && !find("a", head)) {
    head.replaceChildren(element("a", { href: network.href, textContent: network.label }));
    const box = element("input", { type: "checkbox", name: "network", value: network.name });
    const label = element("label", { className: "tick" }, box);
    label.append(element("span", { className: "unseen", textContent: `Compare ${network.label}` }));
    tick.replaceChildren(label);
  }
  network.cells.forEach((words, i) => { row.cells[i + 1].textContent = words; });
}

let asked = 0;

async function showCharts() {
  const mine = ++asked, place = find("[data-charts]");
  try {
    const answer = await getJson(`${url}/charts`);
    if (mine !== asked) return;
    const kept = choices(place), folded = all("details[open]", place).map((details) => details.textContent.slice(0, 40));
    showVerdict(answer.verdict);
    place.innerHTML = answer.markup; // rendered by our own server, which escapes every name
    for (const section of all("[data-chart]", place)) {
      restore(section, kept);
      showChart(section, answer.figures[section.dataset.chart]);
    }
    for (const details of all("details", place)) details.open = folded.includes(details.textContent.slice(0, 40));
    startScrollers(place);
    document.documentElement.classList.add("charts-ready");
  } catch (error) {
    if (mine === asked) find("[data-verdict]").replaceChildren(element("p", { className: "note", textContent: error.message }));
  }
}

function showVerdict(markup) {
  const place = find("[data-verdict]"), unfolded = all("details[open] > summary", place).map((summary) => summary.textContent);
  find("[data-verdict-section]").hidden = false;
  place.innerHTML = markup; // rendered by our own server as well
  for (const summary of all("details > summary", place)) summary.parentElement.open = unfolded.includes(summary.textContent);
}

// A comparison takes two networks at least, and says at once what differs.
const TICK = find("[data-differing]")?.textContent;
let differing = 0;

async function showTicked() {
  const button = find("[data-compare]"), note = find("[data-differing]"), mine = ++differing;
  const names = all("input[name=network]:checked").map((box) => box.value);
  button.disabled = names.length < 2 || names.length > 8;
  note.textContent = names.length === 1 ? "Tick another one." : TICK;
  if (button.disabled) return;
  try {
    const { words } = await getJson(`${note.dataset.url}?${new URLSearchParams(names.map((name) => ["network", name]))}`);
    if (mine === differing) note.textContent = `What differs: ${words}.`;
  } catch (error) {
    if (mine === differing) note.textContent = error.message;
  }
}

// A paper is written anew each time, and then taken.
async function takePaper(button) {
  const said = find("[data-said]", holder), address = `${url}/papers/${button.dataset.paperOf}`;
  said.textContent = "Writing …";
  button.disabled = true;
  try {
    await postJson(address, {});
    said.textContent = "";
    location.href = address;
  } catch (error) {
    said.textContent = error.message;
  } finally {
    button.disabled = false;
  }
}

function choices(place) {
  return all("select, input", place).map((control) => (control.type === "checkbox" ? control.checked : control.value));
}

// What the reader has chosen stays chosen when the statistics are computed anew.
function restore(section, kept) {
  all("select, input", section.parentElement).forEach((control, i) => {
    if (i >= kept.length) return;
    if (control.type === "checkbox") control.checked = kept[i];
    else if ([...control.options].some((option) => option.value === kept[i])) control.value = kept[i];
  });
}

function showWhole(whole) {
  curves.reset(whole.curves);
  showOverview(whole);
  ready();
}

function showConnection(state) {
  find("[data-connection]").textContent = state === "lost" ? "The connection is lost; trying to reconnect." : "";
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

for (const button of all("[data-paper-of]", holder)) button.addEventListener("click", () => takePaper(button));
find("form.compare")?.addEventListener("change", showTicked);
if (find("form.compare")) showTicked();
find("[data-stop]", holder).addEventListener("click", () => act("stop", "Asking it to stop …"));
find("[data-resume]", holder).addEventListener("click", () => act("resume", "Starting …"));
new Stream(`${url}/events`, {
  whole: showWhole,
  overview: showOverview,
  epoch: ({ key, point }) => { curves.grow(key, point); showRunning(); },
  curve: (curve) => { curves.replace(curve); showRunning(); },
  gone: (keys) => curves.remove(keys),
  problem: (words) => { find("[data-connection]").textContent = words; },
}, showConnection);
