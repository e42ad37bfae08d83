// The list of studies stays fresh while somebody looks at it: the page is asked for again, and its list put in place.
import { find } from "./dom.js";

const EVERY_MS = 5000;

async function refresh() {
  if (document.hidden || !find(".badge.running") || find(".cards").contains(document.activeElement)) return;
  try {
    const response = await fetch(location.href);
    if (!response.ok) return;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    find(".cards").replaceWith(document.adoptNode(find(".cards", fresh)));
  } catch { /* the server is away; the next time perhaps */ }
}

setInterval(refresh, EVERY_MS);
document.documentElement.classList.add("ready");
