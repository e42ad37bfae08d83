"""From a stroke on the canvas to the maps on the screen, as the page in a real browser measures it itself."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from benchmarks.output import progress
from benchmarks.web.serving import served

BUDGETS = ("10K", "100K")
# The last ones keep chromium from calling home.
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]  # fmt: skip
MOVES = 40  # of the mouse, each followed by an answer


def strokes(store: Path, lines: int) -> dict[str, Any]:
    """Draw some lines into networks that were trained for one epoch on FashionMNIST: what they answer is no matter."""
    what = ("--families=cnn", f"--budgets={','.join(BUDGETS)}", "--seeds=1", "--set=epochs=1")
    command = [sys.executable, "-m", "makeweight", "study", *what, "--name=drawn", f"--store={store}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found: dict[str, Any] = {}
    with served(store) as (url, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(url)
        for budget in BUDGETS:
            page.goto(f"{url.partition('/enter')[0]}/studies/drawn/networks/cnn-{budget.lower()}")
            page.wait_for_selector("[data-latency]:not(:empty)")
            times = [ms for line in range(lines) for ms in _line(page, line)]
            found[f"CNN {budget}"] = {
                "p50_ms": statistics.median(times), "p95_ms": statistics.quantiles(times, n=20)[18],
                "max_ms": max(times), "n": len(times), "browser": browser.version,
            }  # fmt: skip
        browser.close()
    progress(f"strokes: {found}")
    return found


def _line(page: Page, number: int) -> list[float]:
    page.locator("[data-clear]").click()
    page.locator("[data-paper]").scroll_into_view_if_needed()
    box = page.locator("[data-paper]").bounding_box()
    assert box is not None
    times = []
    page.mouse.move(box["x"] + 30 + 20 * number, box["y"] + 20)
    page.mouse.down()
    for step in range(MOVES):
        page.mouse.move(box["x"] + 30 + 20 * number + 2 * step, box["y"] + 20 + 5 * step)
        page.wait_for_timeout(150)  # longer than an answer takes, so that each is that of its own move
        times.append(float(page.locator("[data-latency]").get_attribute("data-latency") or "nan"))
    page.mouse.up()
    return times
