"""Take the two pictures of the site that README.md shows: the committed boards, in a window and on a phone.

python scripts/take_screenshots.py
"""

import io
import shutil
import tempfile
from functools import partial
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from benchmark.leaderboard import leaderboard, read_scorecards
from benchmark.site.boards import site_boards
from benchmark.site.build import index_page
from benchmark.site.scenarios import scenario_of
from benchmark.storage.workspace import Workspace

ROOT = Path(__file__).parents[1]
PICTURES = {"index-light": (1280, 1500), "index-phone": (390, 1120)}
"""File in docs/images → width and height in pixels."""
BOARD = "digits-cnn-hard"
COLOURS = 128  # enough for text and bars; a third of the bytes


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        index = _write_index(Path(folder))
        # The browser's own sandbox does not run as root; it opens nothing but these pages.
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, size in PICTURES.items():
            path = ROOT / "docs" / "images" / f"{name}.png"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(_take(browser, index, size))
            print(f"wrote {path}, {path.stat().st_size / 1e3:.0f} kB")


def _write_index(folder: Path) -> Path:
    """Write the index of the shipped rows alone, without what lies here beside them."""
    workspace = Workspace(ROOT, ROOT / "leaderboard")
    cards = read_scorecards(workspace, warn=print)
    path = folder / "index.html"
    path.write_bytes(index_page(site_boards(cards, leaderboard(cards), partial(scenario_of, workspace)), cards))
    return path


def _take(browser: Browser, index: Path, size: tuple[int, int]) -> bytes:
    """Return a picture of the page as PNG, with the tab of the board open."""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme="light")
    page.goto(index.resolve().as_uri())
    page.locator(f"[role=tab][data-tab^='{BOARD}-']").click()
    page.evaluate("scrollTo(0, 0)")
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(COLOURS)
    page.close()
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
