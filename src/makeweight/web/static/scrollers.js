// What does not scroll needs no stop of the keyboard.
import { all } from "./dom.js";

export function startScrollers(root = document) {
  const measure = (entries) => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  };
  const sizes = new ResizeObserver(measure);
  for (const scroller of all("[data-scroll]", root)) sizes.observe(scroller);
}
