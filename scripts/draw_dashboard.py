"""Photograph the dashboard for docs/images: light, dark and on a phone.

    python scripts/draw_dashboard.py [STORE STUDY NETWORK]

Without arguments it takes the study of `make study`. A study of the digits trains meanwhile, to be seen while it runs.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
LIVE = (
    "study",
    "--dataset=digits",
    "--families=fcn,cnn",
    "--budgets=20K",
    "--seeds=2",
    "--name=live",
    "--set=epochs=80",
)
DRAWN_EPOCHS = "Math.max(0, ...(document.querySelector('.plot')?.data ?? []).map((trace) => trace.x.length))"
MAKEWEIGHT = [sys.executable, "-m", "makeweight"]


def main() -> None:
    """Serve a copy of the study, and look at it."""
    store, study, network = sys.argv[1:4] if len(sys.argv) > 3 else ("studies", "fashion", "cnn-100k")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        shutil.copytree(Path(store) / study, Path(folder) / study)
        training = subprocess.Popen(
            [*MAKEWEIGHT, *LIVE, f"--store={folder}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        server = subprocess.Popen([*MAKEWEIGHT, "serve", f"--store={folder}"], stdout=subprocess.PIPE, text=True)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        while not (Path(folder) / "live" / "study.db").exists() and training.poll() is None:
            time.sleep(0.2)  # a busy machine takes a while to begin
        try:
            photograph(browser, server, f"/studies/{study}", network)
        finally:
            browser.close()
            for process in (training, server):
                process.terminate()
                process.communicate()


def photograph(browser: Browser, server: subprocess.Popen[str], study: str, network: str) -> None:
    """Take one picture after the other."""
    look = f"{study}/networks/{network}"
    shoot(enter(browser, server, "light", 1280), "/studies/live", "study-light", epochs=24)
    shoot(enter(browser, server, "dark", 1280), look, "network-dark", draw=True)
    shoot(
        enter(browser, server, "light", 1280),
        "/playground?family=cnn&budget=50K&blocks=2",
        "playground-light",
        seconds=2,
    )
    shoot(enter(browser, server, "light", 390), look, "network-phone", draw=True)


def enter(browser: Browser, server: subprocess.Popen[str], scheme: str, width: int) -> Page:
    """Come in with the URL that is printed next."""
    assert server.stdout is not None
    url = server.stdout.readline().split()[-1]
    height = 900 if width > 600 else 844
    page = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme).new_page()  # type: ignore[arg-type]
    page.goto(url)
    return page


def shoot(page: Page, path: str, name: str, draw: bool = False, seconds: float = 1, epochs: int = 0) -> None:
    """Open a page, draw a shirt or wait for epochs where these are asked for, and take the picture."""
    page.goto("/".join(page.url.split("/")[:3]) + path)
    page.wait_for_selector("html.ready", state="attached", timeout=120_000)
    while page.evaluate(DRAWN_EPOCHS) < epochs:
        page.wait_for_timeout(500)
    page.wait_for_timeout(1_000 * seconds)
    if draw:
        shirt(page)
        page.locator("#look").scroll_into_view_if_needed()
        page.evaluate("document.querySelector('#look-title').scrollIntoView()")
        page.wait_for_timeout(500)
    page.screenshot(path=IMAGES / f"dashboard-{name}.png")


def shirt(page: Page) -> None:
    """Draw a T-shirt: a body and two sleeves."""
    paper = page.locator("[data-paper]")
    page.locator("[data-brush]").fill("2.6")
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()
    assert box is not None
    lines = [[(9, 5), (3, 10)], [(19, 5), (25, 10)], [(9, 6), (19, 6)]]
    lines += [[(x, 6), (x, 24)] for x in (10, 13, 16, 18)]
    for line in lines:
        for step, (x, y) in enumerate(line):
            page.mouse.move(box["x"] + x * box["width"] / 28, box["y"] + y * box["height"] / 28, steps=6)
            if step == 0:
                page.mouse.down()
        page.mouse.up()


if __name__ == "__main__":
    main()
