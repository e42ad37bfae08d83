// The page: one network at a time, the place in the contents, and the start of charts and viewers.

const root = document.documentElement;

function showViewer() {
  startViewer(document.querySelector(".network.chosen [data-viewer]"));
}

function startNetworks() {
  const choice = document.querySelector("[data-networks]");
  if (!choice) return;
  const show = () => {
    const anchor = choice.querySelector("input:checked").value;
    for (const part of document.querySelectorAll(".network")) {
      part.classList.toggle("chosen", part.id === `network-${anchor}`);
    }
    if (root.classList.contains("ready")) showViewer(); // not before: the top of the page comes first
  };
  choice.addEventListener("change", show);
  show();
}

function startContents() {
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(target.id).setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-20% 0px -75% 0px" });
  for (const id of links.keys()) seen.observe(document.getElementById(id));
}

// What does not scroll needs no stop of the keyboard.
function startScrollers() {
  const measure = (entries) => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  };
  const sizes = new ResizeObserver(measure);
  for (const scroller of document.querySelectorAll("[data-scroll]")) sizes.observe(scroller);
}

if (root.classList.contains("js")) {
  startNetworks();
  startContents();
  startScrollers();
  // Two frames: the page is painted before Plotly is read.
  requestAnimationFrame(() => requestAnimationFrame(async () => {
    await startCharts();
    root.classList.add("ready");
    showViewer();
  }));
}
