// Small helpers. Text stays text: nothing here reads markup, but what our own server rendered.

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

// The address carries the state of a page. A choice takes the place of the one before; a reload keeps it.
export function remember(changes) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  history.replaceState(null, "", url);
}

export const recalled = (name) => new URL(location.href).searchParams.get(name);

// A choice is the whole form: it is sent when it is made, or now, if it was made before the script had come.
export function sendOnChoice(select) {
  const send = () => select.form.submit();
  select.addEventListener("change", send);
  const served = [...select.options].find((option) => option.defaultSelected);
  if (served && !served.selected) send();
}

export class Refused extends Error {}

async function checked(response) {
  if (response.ok) return response;
  let words = `The server answered ${response.status}.`;
  try { words = (await response.json()).error; } catch { /* it was no JSON */ }
  throw new Refused(words);
}

export async function getJson(url, options = {}) {
  return (await checked(await fetch(url, { headers: { Accept: "application/json" }, ...options }))).json();
}

export async function postJson(url, content, options = {}) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  return (await checked(await fetch(url, { method: "POST", headers, body: JSON.stringify(content), ...options }))).json();
}

export async function postBytes(url, bytes, options = {}) {
  const headers = { "Content-Type": "application/octet-stream", Accept: "application/octet-stream" };
  return (await checked(await fetch(url, { method: "POST", headers, body: bytes, ...options }))).arrayBuffer();
}

export function onFrame(action) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; action(); });
  };
}
