/* global Chart */
// Small helpers. Text stays text: the only markup used is what our own server rendered.

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

export const find = (selector, root = document) => root.querySelector(selector);
export const all = (selector, root = document) => [...root.querySelectorAll(selector)];

export function percent(share, digits = 2) {
  return share === null || share === undefined ? "–" : `${(100 * share).toFixed(digits)} %`;
}

// The address carries the state of a page. A choice replaces the one before it, and survives a reload.
export function remember(changes) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  history.replaceState(null, "", url);
}

export const recalled = (name) => new URL(location.href).searchParams.get(name);

// A form of one choice: sent when it is made, or at once if it was made before the script was loaded.
export function sendOnChoice(select) {
  const send = () => select.form.submit();
  select.addEventListener("change", send);
  const served = [...select.options].find((option) => option.defaultSelected);
  if (served && !served.selected) send();
}

export class Refused extends Error {}

export async function ask(url, options = {}) {
  const response = await fetch(url, options);
  if (response.ok) return response;
  let words = `The server answered ${response.status}.`;
  try { words = (await response.json()).error; } catch { /* it was no JSON */ }
  throw new Refused(words);
}

export const getJson = async (url) => (await ask(url, { headers: { Accept: "application/json" } })).json();

export async function postJson(url, content) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  return (await ask(url, { method: "POST", headers, body: JSON.stringify(content) })).json();
}

// Links in an answer lead on from where it was asked for.
export function go(url, { href }) {
  location.href = new URL(href, new URL(url, location.href));
}

export function postBytes(url, body) {
  const headers = { "Content-Type": "application/octet-stream", Accept: "application/json" };
  return ask(url, { method: "POST", headers, body });
}

// The page as the server has it now; null while nobody looks, or the server is away.
export async function freshPage() {
  if (document.hidden) return null;
  try {
    return new DOMParser().parseFromString(await (await ask(location.href)).text(), "text/html");
  } catch {
    return null;
  }
}

// What doesn't scroll needs no keyboard focus.
export function startScrollers(root = document) {
  const measure = (entries) => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  };
  const sizes = new ResizeObserver(measure);
  for (const scroller of all("[data-scroll]", root)) sizes.observe(scroller);
}

export function ready() {
  if (!document.documentElement.classList.contains("ready")) startScrollers();
  document.documentElement.classList.add("ready");
}

export function showChart(section, record) {
  const chart = new Chart(section, record);
  chart.show();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.draw());
}

export function onFrame(action) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; action(); });
  };
}
