#!/usr/bin/env python3
"""Draw docs/images from a finished study: its figures, what its networks see, and its report in a browser.

Usage: scripts/draw_images.py [STUDY]   (by default the study `fashion` in studies/)
"""

import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
FIGURES = (
    "accuracy-against-weights",
    "verdict-matrix",
    "curves",
    "confusion-cnn-100k",
    "mistakes-cnn-100k",
    "budget-share",
)
FEATURES = "cnn-10k"
CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
SCREENS = {"desktop": (1280, 900), "phone": (390, 844)}


def makeweight(*arguments: str) -> str:
    command = [str(ROOT / ".venv" / "bin" / "makeweight"), *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def photograph(page: Path) -> None:
    """Take the report's first screen, at two widths and in both themes."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for screen, (width, height) in SCREENS.items():
            for theme in ("light", "dark"):
                context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
                tab = context.new_page()
                tab.goto(page.resolve().as_uri())
                tab.wait_for_load_state("networkidle")
                tab.screenshot(path=IMAGES / f"report-{screen}-{theme}.png")
                context.close()
        browser.close()


def main() -> None:
    study = sys.argv[1] if len(sys.argv) > 1 else "fashion"
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name in FIGURES:
        makeweight("figure", name, study, "--output", str(IMAGES))
    for old in (IMAGES / "features").glob("*.png"):  # layers have other names in other networks
        old.unlink()
    makeweight("features", f"{study}/{FEATURES}", "--output", str(IMAGES / "features"))
    photograph(ROOT / makeweight("report", study))


main()
