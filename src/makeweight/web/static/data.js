// Preparing images: uploaded, at a path of the server's machine, or from the catalogue.
import { all, ask, find, go, postJson, ready } from "./dom.js";

const holder = find("[data-own]"), prefix = location.pathname.replace(/\/$/, "").endsWith("/data") ? "data/" : "";

async function act(words, url, action) {
  const said = find("[data-said]", holder), buttons = all("button", holder);
  said.hidden = false;
  said.textContent = words;
  for (const button of buttons) button.disabled = true;
  try {
    go(url, await action());
  } catch (error) {
    said.textContent = error.message;
    for (const button of buttons) button.disabled = false;
  }
}

function on(selector, action) {
  const form = holder && find(selector, holder);
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    action(form);
  });
}

// What is said of own images, by name; nothing that is left empty.
function said() {
  const form = find("[data-said-of]");
  return Object.fromEntries([...new FormData(form)].filter(([, value]) => value));
}

const prepare = (what) => act("Preparing …", `${prefix}prepare`, () => postJson(`${prefix}prepare`, what));
on("[data-path]", (form) => prepare({ path: form.elements.path.value, ...said() }));
on("[data-name]", (form) => prepare({ name: form.dataset.name }));
on("[data-upload]", () => {
  const [file] = find("#file").files, name = file.name.replace(/[^A-Za-z0-9._ -]/g, "_").slice(-99);
  const url = `${prefix}upload?${new URLSearchParams({ name, ...said() })}`;
  const headers = { "Content-Type": "application/octet-stream", Accept: "application/json" };
  act("Uploading and preparing …", url, async () => (await ask(url, { method: "POST", headers, body: file })).json());
});
ready();
