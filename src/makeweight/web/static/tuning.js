// A tuning: the words are there at once, the figures follow; while it runs both are asked for again.
import { find } from "./dom.js";
import { startScrollers } from "./scrollers.js";

const EVERY_MS = 5000;

async function showFigures() {
  const place = find("[data-figures]");
  if (!place) return;
  const response = await fetch(place.dataset.figures);
  if (response.ok) place.innerHTML = await response.text(); // drawn by our own server
  else place.replaceChildren("The figures could not be drawn.");
  startScrollers();
}

async function refresh() {
  if (document.hidden || find("[data-state]").dataset.state !== "running") return;
  try {
    const response = await fetch(location.href);
    if (!response.ok) return;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    find("[data-state]").replaceWith(document.adoptNode(find("[data-state]", fresh)));
    const after = find("[data-tuning]", fresh), before = find("[data-tuning]");
    if (after.dataset.trials === before.dataset.trials) return;
    const drawn = find("[data-figures]"), empty = find("[data-figures]", after);
    if (drawn && empty) empty.replaceChildren(...drawn.childNodes); // until the new ones are drawn
    before.replaceWith(document.adoptNode(after));
    await showFigures();
  } catch { /* the server is away; the next time perhaps */ }
}

startScrollers();
await showFigures();
setInterval(refresh, EVERY_MS);
document.documentElement.classList.add("ready");
