// A new study: its time is estimated when asked for, and it is started.
import { all, element, find, go, postJson, ready } from "./dom.js";

const form = find("[data-start]"), said = find("[data-said]", form);

function asked() {
  const whole = (name) => (form.elements[name].value === "" ? null : Number(form.elements[name].value));
  const families = all("input[name=families]:checked", form).map((box) => box.value);
  const { data, budgets, name } = form.elements;
  const epochs = whole("epochs");
  return {
    data: data.value, families, budgets: budgets.value, seeds: whole("seeds") ?? 3, name: name.value,
    ...(epochs === null ? {} : { epochs }),
  };
}

function say(...sentences) {
  said.replaceChildren(...sentences.map((textContent) => element("p", { textContent })));
}

async function act(words, action) {
  const buttons = all("button", form);
  say(words);
  for (const button of buttons) button.disabled = true;
  try {
    await action();
  } catch (error) {
    say(error.message);
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

find("[data-estimate]", form).addEventListener("click", () => act("Timing a few steps of each network …", async () => {
  say(...(await postJson("start/estimate", asked())).sentences);
}));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  act("Starting …", async () => go("start", await postJson("start", asked())));
});
ready();
