// The playground: what is moved goes to the solver, its answer is shown; the address is the network.
import { all, element, find, getJson, postJson } from "./dom.js";
import { startScrollers } from "./scrollers.js";

const form = find("[data-play]"), budget = find("#budget", form), slide = find("[data-budget]", form);
const moved = new Set(); // sliders that were touched; the others are the family's to choose
const FAMILYS = "the family's";
const limits = ["max_macs", "max_activation_bytes"].map((name) => find(`#${name}`, form));
let asked = 0, waiting = null, under = null;

const family = () => find("input[name=family]:checked", form).value;
const options = () => all(`[data-family=${family()}] [name]`, form);

function chosen() {
  const found = {};
  for (const control of options()) {
    if (control.type === "range" ? moved.has(control.id) : control.value) found[control.name] = control.value;
  }
  return found;
}

function state() {
  const top = { family: family(), budget: budget.value.trim(), dataset: find("#dataset", form).value };
  for (const { name, value } of limits) if (value.trim()) top[name] = value.trim();
  return top;
}

function showFamily() {
  for (const set of all("[data-family]", form)) set.hidden = set.disabled = set.dataset.family !== family();
}

function showValue(control) {
  const output = find("[data-value]", control.parentElement);
  output.textContent = moved.has(control.id) ? control.value : FAMILYS;
  if (moved.has(control.id)) control.setAttribute("aria-valuetext", control.value);
  else control.setAttribute("aria-valuetext", FAMILYS);
}

function weightsOf(text) {
  const match = text.trim().match(/^([\d_]+(?:\.\d+)?)\s*([KM]?)$/i);
  return match ? Number(match[1].replaceAll("_", "")) * { "": 1, K: 1e3, M: 1e6 }[match[2].toUpperCase()] : NaN;
}

function short(count) {
  const digits = Number(count.toPrecision(2)); // a slider is no place for exact numbers; the field takes them
  if (digits >= 1e6) return `${digits / 1e6}M`;
  return digits >= 1e3 ? `${digits / 1e3}K` : String(digits);
}

function showSlide() {
  const weights = weightsOf(budget.value);
  if (weights > 0) slide.value = String(Math.log10(weights));
  slide.setAttribute("aria-valuetext", `${budget.value} weights`);
}

// The address is written as the form is moved, and read when a page is opened or comes back.
function write() {
  const query = new URLSearchParams({ ...state(), ...chosen() });
  history.replaceState(null, "", `?${query}`);
}

function read() {
  const query = new URL(location.href).searchParams;
  const radio = all("input[name=family]", form).find((each) => each.value === query.get("family"));
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
  showSlide();
}

// One question at a time; while it is under way, only the last change waits.
async function solve() {
  waiting = { ...state(), ...chosen() };
  if (under) return under;
  under = (async () => {
    while (waiting) {
      const query = new URLSearchParams(waiting), mine = ++asked;
      waiting = null;
      try {
        const found = await getJson(`/playground/design?${query}`);
        if (mine === asked && !waiting) (found.problem ? showProblem : showNetwork)(found);
      } catch (error) {
        showProblem({ problem: error.message });
      }
    }
    under = null;
    document.documentElement.classList.add("ready");
  })();
  return under;
}

function showProblem({ problem, smallest }) {
  const box = find("[data-problem]", form), button = find("[data-smallest]", form);
  box.hidden = false;
  find("p", box).textContent = problem;
  button.hidden = !smallest;
  if (smallest) {
    button.textContent = `Take ${smallest.toLocaleString("en")} weights`;
    button.onclick = () => { budget.value = String(smallest); showSlide(); write(); solve(); };
  }
  find("[data-network]", form).hidden = find("[data-facts]", form).hidden = true;
}

const count = (number) => number.toLocaleString("en");

function bar(share) {
  const cell = element("td", { className: "bar" });
  if (!share) return cell;
  const inner = element("i");
  inner.style.width = `${Math.max(0.1, 3.4 * share)}rem`;
  cell.append(inner, element("span", { textContent: `${(100 * share).toFixed(1)} %` }));
  return cell;
}

function showNetwork(found) {
  find("[data-problem]", form).hidden = true;
  find("[data-network]", form).hidden = find("[data-facts]", form).hidden = false;
  const facts = [["weights", count(found.weights)], ["of the budget", `${(100 * found.used).toFixed(2)} %`],
    ["MACs an image", count(found.macs)], ["float32 activations", `${count(Math.round(found.activationBytes / 1024))} KiB`]];
  find("[data-facts]", form).replaceChildren(...facts.map(([term, words]) => element("div", {},
    element("dt", { textContent: term }), element("dd", { textContent: words }))));
  find("[data-layers]", form).replaceChildren(...found.layers.map((layer) => element("tr", {},
    Object.assign(element("th", { textContent: layer.name }), { scope: "row" }), element("td", { textContent: layer.kind }),
    element("td", { className: "right", textContent: layer.output.join(" × ") }),
    element("td", { className: "right", textContent: layer.weights ? count(layer.weights) : "–" }),
    bar(layer.weights / found.budget),
    element("td", { className: "right", textContent: layer.macs ? count(layer.macs) : "–" }))));
  find("[data-notes]", form).textContent = [
    found.statistics ? `${count(found.statistics)} running statistics of normalisation are not trained and not counted.` : "",
    ...found.limits.map((used) => `${used}.`),
    found.binding.length ? `Binding besides the weights: ${found.binding.join(", ")}.` : "",
  ].filter(Boolean).join(" ");
}

async function train() {
  const said = find("[data-said]", form), button = find("[data-train]", form);
  said.textContent = "Starting …";
  button.disabled = true;
  try {
    const { href } = await postJson("/playground/train", { ...state(), options: chosen() });
    location.href = href;
  } catch (error) {
    said.textContent = error.message;
  } finally {
    button.disabled = false;
  }
}

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", ({ target }) => {
  if (target === slide) budget.value = short(10 ** Number(slide.value));
  else if (target.type === "range") { moved.add(target.id); showValue(target); }
  if (target.name === "family") showFamily();
  showSlide();
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
addEventListener("popstate", () => { read(); solve(); });
read();
startScrollers();
solve();
