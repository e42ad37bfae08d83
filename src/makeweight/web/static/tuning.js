// A tuning: the text comes at once, the figures follow; while it runs, both are kept fresh.
import { ask, find, freshPage, ready, startScrollers } from "./dom.js";

const EVERY_MS = 5000;

async function showFigures() {
  const place = find("[data-figures]");
  if (!place) return;
  try {
    place.innerHTML = await (await ask(place.dataset.figures)).text(); // drawn by our own server
  } catch (error) {
    place.replaceChildren(error.message);
  }
  startScrollers();
}

async function refresh() {
  const fresh = find("[data-state]").dataset.state === "running" && await freshPage();
  if (!fresh) return;
  find("[data-state]").replaceWith(document.adoptNode(find("[data-state]", fresh)));
  const after = find("[data-tuning]", fresh), before = find("[data-tuning]");
  if (after.dataset.trials === before.dataset.trials) return;
  const drawn = find("[data-figures]"), empty = find("[data-figures]", after);
  if (drawn && empty) empty.replaceChildren(...drawn.childNodes); // until the new ones are drawn
  before.replaceWith(document.adoptNode(after));
  await showFigures();
}

await showFigures();
setInterval(refresh, EVERY_MS);
ready();
