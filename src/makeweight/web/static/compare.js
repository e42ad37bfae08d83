// The comparison: curves to play with; a pair is chosen by the address.
/* global Chart */
import { all, find, getJson, sendOnChoice } from "./dom.js";
import { startScrollers } from "./scrollers.js";

for (const select of all("[data-pairs] select")) sendOnChoice(select);
const holder = find("#curves"), [section] = all("[data-chart]", holder);
const chart = new Chart(section, await getJson(holder.dataset.url));
chart.show();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.draw());
startScrollers();
document.documentElement.classList.add("ready");
