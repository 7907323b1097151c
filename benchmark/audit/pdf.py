"""A PDF of the report, printed by a browser that is there anyway."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "brave-browser",
)
_PATIENCE = 120  # seconds


def print_pdf(page: Path, target: Path, browsers: tuple[str, ...] = BROWSERS) -> str:
    """Print a page as PDF; return what kept a browser from it and what to do, "" where nothing did."""
    browser = next(filter(None, map(shutil.which, browsers)), None)
    if browser is None:
        return f"there is no Chromium or Chrome on PATH to make the PDF; open {page} in any browser and print it as PDF"
    with tempfile.TemporaryDirectory() as profile:
        made = Path(profile) / "report.pdf"
        if reason := _run([browser, *_options(profile), f"--print-to-pdf={made}", page.resolve().as_uri()]):
            return f"{browser} made no PDF ({reason}); open {page} in a browser and print it as PDF"
        if not made.exists():
            return f"{browser} said it was done but made no PDF; open {page} in a browser and print it as PDF"
        shutil.move(made, target)
    return ""


def _options(profile: str) -> list[str]:
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []  # it starts not at all else; the page can load nothing
    quiet = [
        "--headless",
        "--disable-gpu",
        "--no-first-run",
        "--no-pdf-header-footer",
        "--disable-background-networking",
    ]
    return [*quiet, *as_root, f"--user-data-dir={profile}"]


def _run(command: list[str]) -> str:
    """Return why a command failed, "" where it did not."""
    try:
        ended = subprocess.run(command, capture_output=True, timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        return f"it took longer than {_PATIENCE} s"
    except OSError as error:
        return str(error.strerror)
    return f"it ended with status {ended.returncode}" if ended.returncode else ""
