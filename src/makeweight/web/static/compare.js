// The comparison: curves to play with; a pair is chosen by the address.
/* global Chart */
import { all, find, getJson } from "./dom.js";
import { startScrollers } from "./scrollers.js";

find("[data-pairs] select")?.addEventListener("change", (event) => event.target.form.submit());
const holder = find("#curves"), [section] = all("[data-chart]", holder);
const chart = new Chart(section, await getJson(holder.dataset.url));
chart.show();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.draw());
startScrollers();
document.documentElement.classList.add("ready");
