// The playground: what is moved goes to the solver, and its answer is shown. The address names the network.
import { all, element, find, getJson, go, postJson, ready } from "./dom.js";

const form = find("[data-play]"), budget = find("#budget", form), slide = find("[data-budget]", form);
const moved = new Set(); // sliders that were touched; the family chooses the others
const limits = ["max_macs", "max_ram", "chip", "max_flash", "max_ms"].map((name) => find(`#${name}`, form));
let asked = 0, waiting = null, solving = null;

const family = () => find("input[name=family]:checked", form).value;
const options = () => all(`[data-family="${CSS.escape(family())}"] [name]`, form);

function chosen() {
  const isChosen = (control) => (control.type === "range" ? moved.has(control.id) : control.value);
  return Object.fromEntries(options().filter(isChosen).map((control) => [control.name, control.value]));
}

function state() {
  const top = { family: family(), budget: budget.value.trim(), dataset: find("#dataset", form).value };
  for (const { name, value } of limits) if (value.trim()) top[name] = value.trim();
  return top;
}

function showFamily() {
  for (const set of all("[data-family]", form)) set.hidden = set.disabled = set.dataset.family !== family();
}

function showValue(control, taken) { // taken: what the solver chose
  const unset = taken === undefined ? control.dataset.unset : `${taken} (${control.dataset.unset})`;
  const words = moved.has(control.id) ? control.value : unset;
  find("[data-value]", control.parentElement).textContent = words;
  control.setAttribute("aria-valuetext", words);
}

function short(count) {
  const digits = Number(count.toPrecision(2)); // exact numbers are for the text field
  if (digits >= 1e6) return `${digits / 1e6}M`;
  return digits >= 1e3 ? `${digits / 1e3}K` : String(digits);
}

function showSlide(weights) {
  slide.value = String(Math.log10(weights));
  slide.setAttribute("aria-valuetext", `${budget.value} weights`);
}

// The address is written as the form is moved, and read when a page is opened or comes back.
function write() {
  const query = new URLSearchParams({ ...state(), ...chosen() });
  history.replaceState(null, "", `?${query}`);
}

function read() {
  const query = new URL(location.href).searchParams;
  const radio = all("input[name=family]", form).find((input) => input.value === query.get("family"));
  if (radio) radio.checked = true;
  showFamily();
  if (query.has("budget")) budget.value = query.get("budget");
  for (const limit of limits) limit.value = query.get(limit.name) ?? "";
  const sets = find("#dataset", form);
  if ([...sets.options].some((option) => option.value === query.get("dataset"))) sets.value = query.get("dataset");
  moved.clear();
  for (const control of options()) {
    const value = query.get(control.name);
    if (value !== null) {
      control.value = value;
      if (control.type === "range") moved.add(control.id);
    }
    if (control.type === "range") showValue(control);
  }
}

// One request at a time; while it is under way, only the latest change waits.
async function solve() {
  waiting = { ...state(), ...chosen() };
  if (solving) return solving;
  solving = (async () => {
    while (waiting) {
      const query = new URLSearchParams(waiting), mine = ++asked;
      waiting = null;
      try {
        const answer = await getJson(`playground/design?${query}`);
        if (mine === asked && !waiting) showImpossible(answer.impossible);
        if (mine === asked && !waiting) (answer.problem ? showProblem : showNetwork)(answer);
      } catch (error) {
        showProblem({ problem: error.message });
      }
    }
    solving = null;
    ready();
  })();
  return solving;
}

// What no network can have beside the other options is passed over, with the reason below the slider.
let barred = {};

function showImpossible(values) {
  barred = values;
  for (const control of options()) {
    const why = find("[data-why]", control.parentElement), reasons = values[control.name];
    if (!why) continue;
    why.hidden = !reasons;
    if (!reasons) { control.removeAttribute("aria-describedby"); continue; }
    const list = Object.keys(reasons);
    why.id = `${control.id}-why`;
    control.setAttribute("aria-describedby", why.id);
    why.textContent = `Not possible: ${inShort(list)}. ${firstSentence(Object.values(reasons)[0])}`;
  }
}

const firstSentence = (reason) => reason.split(". ")[0].replace(/\.?$/, ".");

function inShort(values) { // 1, 2, 3, 7 become 1–3, 7
  const runs = [];
  for (const value of values.map(Number)) {
    const last = runs.at(-1);
    if (last && last[1] === value - 1) last[1] = value;
    else runs.push([value, value]);
  }
  return runs.map(([low, high]) => (low === high ? low : `${low}–${high}`)).join(", ");
}

const before = new Map(); // where each slider stood

function passOver(control) {
  const reasons = barred[control.name], from = before.get(control.id) ?? Number(control.dataset.first);
  if (reasons) {
    const step = Number(control.value) < from ? -1 : 1;
    let value = Number(control.value);
    while (reasons[value] && value + step >= Number(control.min) && value + step <= Number(control.max)) value += step;
    control.value = String(reasons[value] ? from : value);
  }
  before.set(control.id, Number(control.value));
}

let shown = null;

function showLayers() {
  if (!shown) return;
  const rows = find("[data-every]", form).checked ? shown.layers : shown.steps;
  find("[data-layers]", form).replaceChildren(...rows.map(row));
}

function showProblem({ problem, smallest }) {
  const box = find("[data-problem]", form), button = find("[data-smallest]", form);
  box.hidden = false;
  find("p", box).textContent = problem;
  button.hidden = !smallest;
  if (smallest) {
    button.textContent = `Take ${smallest.toLocaleString("en")} weights`;
    button.onclick = () => { budget.value = String(smallest); write(); solve(); };
  }
  for (const part of ["network", "facts", "sketch", "expected"]) find(`[data-${part}]`, form).hidden = true;
}

function showNetwork(network) {
  for (const control of options()) if (control.type === "range") showValue(control, network.options[control.name]);
  find("[data-problem]", form).hidden = true;
  for (const part of ["network", "facts", "sketch"]) find(`[data-${part}]`, form).hidden = false;
  const expected = find("[data-expected]", form);
  expected.hidden = !network.expected;
  expected.textContent = `Expected test accuracy: ${network.expected}.`;
  find("[data-sketch]", form).innerHTML = network.sketch; // rendered by our own server, which escapes every name
  showSlide(network.budget);
  find("[data-facts]", form).replaceChildren(...network.facts.map(([term, words]) => element("div", {},
    element("dt", { textContent: term }), element("dd", { textContent: words }))));
  shown = network;
  showLayers();
  find("[data-notes]", form).textContent = network.notes.join(" ");
}

function row({ cells: [name, kind, ...numbers], share }) {
  const bar = element("i"), right = numbers.slice(0, -1);
  bar.style.width = share ? `${Math.max(0.1, 3.4 * share)}rem` : 0;
  return element("tr", {}, Object.assign(element("th", { textContent: name }), { scope: "row" }),
    element("td", { textContent: kind }), ...right.map((words) => element("td", { className: "right", textContent: words })),
    element("td", { className: "bar" }, bar, element("span", { textContent: numbers.at(-1) })));
}

// What is asked for, and how it is to be trained.
function wanted() {
  const [seeds, epochs, name] = ["seeds", "epochs", "name"].map((id) => find(`#${id}`, form).value.trim());
  const how = { seeds: Number(seeds || 1), name, ...(epochs ? { epochs: Number(epochs) } : {}) };
  return { ...state(), options: chosen(), ...how };
}

async function act(words, action) {
  const said = find("[data-said]", form), buttons = [find("[data-train]", form), find("[data-estimate]", form)];
  said.textContent = words;
  for (const button of buttons) button.disabled = true;
  try {
    await action(said);
  } catch (error) {
    said.textContent = error.message;
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

const train = () => act("Starting …", async () => go("playground/train", await postJson("playground/train", wanted())));
const estimate = () => act("Timing a few steps …", async (said) => {
  said.textContent = (await postJson("playground/estimate", wanted())).sentences[0];
});

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", ({ target }) => {
  if (target.matches("[data-every]")) showLayers();
  if (target.matches("[data-extra]")) return;
  if (target === slide) budget.value = short(10 ** Number(slide.value));
  else if (target.type === "range") { moved.add(target.id); passOver(target); showValue(target); }
  if (target.name === "family") showFamily();
  write();
  solve();
});
find("[data-reset]", form).addEventListener("click", () => {
  moved.clear();
  for (const control of options()) {
    control.value = control.type === "range" ? control.dataset.first : "";
    if (control.type === "range") showValue(control);
  }
  for (const limit of limits) limit.value = "";
  write();
  solve();
});
find("[data-train]", form).addEventListener("click", train);
find("[data-estimate]", form).addEventListener("click", estimate);
addEventListener("popstate", () => { read(); solve(); });
read();
solve();
