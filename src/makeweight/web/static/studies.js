// The list of studies stays fresh while somebody looks at it and one of them runs.
import { find, freshPage, ready } from "./dom.js";

const EVERY_MS = 5000;

async function refresh() {
  if (!find(".badge.running") || find(".cards").contains(document.activeElement)) return;
  const fresh = await freshPage();
  if (fresh) find(".cards").replaceWith(document.adoptNode(find(".cards", fresh)));
}

setInterval(refresh, EVERY_MS);
ready();
