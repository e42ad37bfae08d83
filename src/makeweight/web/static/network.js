// The page of a network: its curves, and the look inside.
import { all, find, getJson, ready, sendOnChoice, showChart } from "./dom.js";
import { Look } from "./look.js";

const holder = find("#look"), { base, seed } = holder.dataset;
for (const select of all("[data-seed-choice]")) sendOnChoice(select);

async function startCurves() {
  showChart(find("#curves [data-chart]"), await getJson(`${base}/curves`));
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

await Promise.all([startLook(), startCurves()]);
ready();
