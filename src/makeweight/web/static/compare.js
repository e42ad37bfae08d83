// The comparison: interactive curves; the address names the pair.
import { all, find, getJson, ready, sendOnChoice, showChart } from "./dom.js";

for (const select of all("[data-pairs] select")) sendOnChoice(select);
const holder = find("#curves");
showChart(find("[data-chart]", holder), await getJson(holder.dataset.url));
ready();
