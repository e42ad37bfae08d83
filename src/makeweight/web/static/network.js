// The page of a network: its curves, and the look inside.
/* global Chart */
import { all, find, getJson, sendOnChoice } from "./dom.js";
import { Look } from "./look.js";
import { startScrollers } from "./scrollers.js";

const holder = find("#look"), { base, seed } = holder.dataset;
for (const select of all("[data-seed-choice]")) sendOnChoice(select);

async function startCurves() {
  const [section] = all("#curves [data-chart]"), record = await getJson(`${base}/curves`);
  const chart = new Chart(section, record);
  chart.show();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.draw());
}

async function startLook() {
  const problem = find("[data-problem]", holder);
  try {
    const about = await getJson(`${base}/${seed}/eye`);
    find("#filters").hidden = !about.filters;
    const look = new Look(holder, `${base}/${seed}`, about);
    problem.textContent = "";
    await look.start();
  } catch (error) {
    problem.textContent = error.message;
  }
}

startScrollers();
await Promise.all([startLook(), startCurves()]);
document.documentElement.classList.add("ready");
