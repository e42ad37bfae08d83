// A diagnosis is asked for, or waited for if it is under way, and shown by loading the page again.
import { find, postJson, ready } from "./dom.js";

const button = find("[data-make]"), said = find("[data-said]");

async function make() {
  button.disabled = true;
  const begun = performance.now();
  const tick = setInterval(() => { said.textContent = `Looking, ${((performance.now() - begun) / 1000).toFixed(0)} s …`; }, 500);
  try {
    await postJson(button.dataset.make, {});
    location.reload();
  } catch (error) {
    said.textContent = error.message;
    button.disabled = false;
  } finally {
    clearInterval(tick);
  }
}

button.addEventListener("click", make);
if ("underWay" in button.dataset) make();
ready();
