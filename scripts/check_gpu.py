"""Check in a few minutes what only a GPU can show, and write it into docs/performance.md.

    python scripts/check_gpu.py [--device cuda] [--minutes 8]

Does CUDA start in the sandbox; the starting kit's loop against ours for ResNet-18, in the scenario's precision and in
bfloat16; the accuracy of both ways on `digits-cnn`; a pool of `fashion`. The stages run one after another, each in a
process of its own and as long as the minutes last: what was not reached, or failed, is a cell that says so.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/performance.md"
BEGIN, END = "<!-- written by scripts/check_gpu.py -->\n", "<!-- end -->\n"
NOT_REACHED = "not reached in time"
Found = dict[str, Any]


class Stage(NamedTuple):
    """A command, and the rows that its results make."""

    command: Sequence[str]
    """"RESULTS" in it is the file to which it writes its results as JSON; without it there is its time alone."""
    rows: Callable[[Found], list[tuple[str, str, str]]]
    """Of its results: quantity, target, measured."""
    expected: tuple[tuple[str, str], ...]
    """Quantities and targets, where there are no results."""


def speed_rows(precision: str) -> Callable[[Found], list[tuple[str, str, str]]]:
    def rows(found: Found) -> list[tuple[str, str, str]]:
        quantities = speed_quantities(precision)
        said = (
            f"{found['hours']:.2f} h for {found['models']:,} models, from {found['steps']} steps",
            f"{found['ratio']:.1f}×",
            f"{found['kernel_share']:.0%}" if found["kernel_share"] is not None else "not on this device",
            f"{found['memory']:.1f} GiB" if found["memory"] is not None else "not on this device",
        )
        return [(*own, measured) for own, measured in zip(quantities, said, strict=True)]

    return rows


def speed_quantities(precision: str) -> tuple[tuple[str, str], ...]:
    return (
        (f"ResNet-18 of `cifar10` (45,000 images, 30 epochs, batch 128), {precision}", "at most 1 hour"),
        (f"against a plain starting-kit loop on the same card, {precision}", "at least 30×"),
        (f"share of the time with a kernel running, {precision}", "at least 70 %"),
        (f"GPU memory, {precision}", "stated"),
    )


SANDBOX = (("`bench run identity --scenario digits-cnn` in the sandbox, from nothing", "starts"),)
ACCURACY = (("mean test accuracy of 64 models of `digits-cnn`, plain against ours", "within its standard error"),)
POOL = (("the pool of `fashion-hard`, N = 64", "stated"),)


def accuracy_rows(found: Found) -> list[tuple[str, str, str]]:
    said = "; ".join(f"{name} {own['mean']:.4f} ± {own['error']:.4f}" for name, own in found["accuracies"].items())
    return [(*ACCURACY[0], said)]


def timed_rows(expected: tuple[tuple[str, str], ...]) -> Callable[[Found], list[tuple[str, str, str]]]:
    return lambda found: [(*expected[0], f"yes, in {found['seconds']:.0f} s")]


def stages(device: str) -> list[Stage]:
    """Return what is run on the device, the most telling first."""
    bench = [sys.executable, "-m", "benchmark.cli"]
    measure = [sys.executable, str(ROOT / "scripts/measure_gpu.py"), "--device", device, "--json", "RESULTS"]
    run = [*bench, "run", "identity", "--scenario", "digits-cnn", "--models", "16", "--device", device]
    accuracy = ["--scenario", "digits-cnn", "--accuracy", "64"]
    prepare = [*bench, "prepare", "--scenario", "fashion-hard", "--device", device]
    return [
        Stage(run, timed_rows(SANDBOX), SANDBOX),
        Stage([*measure, "--steps", "60"], speed_rows("float32"), speed_quantities("float32")),
        Stage([*measure, *accuracy], accuracy_rows, ACCURACY),
        Stage(
            [*measure, "--steps", "60", "--precision", "bfloat16"], speed_rows("bfloat16"), speed_quantities("bfloat16")
        ),
        Stage(prepare, timed_rows(POOL), POOL),
    ]


def run_stages(planned: Sequence[Stage], seconds: float, folder: Path) -> list[tuple[str, str, str]]:
    """Run the stages in `folder` until the time is over, and return the rows of all of them."""
    end, rows = time.monotonic() + seconds, []
    for number, stage in enumerate(planned):
        left = end - time.monotonic()
        found = run_stage(stage, left, folder, folder / f"{number}.json") if left > 0 else NOT_REACHED
        own = [(*each, found) for each in stage.expected] if isinstance(found, str) else stage.rows(found)
        for row in own:
            print(": ".join(row), flush=True)
        rows += own
    return rows


def run_stage(stage: Stage, seconds: float, folder: Path, results: Path) -> Found | str:
    """Return what a stage found, or why it found nothing."""
    command = [str(results) if part == "RESULTS" else part for part in stage.command]
    started = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}  # where the package is not installed
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False, env=environment
        )
    except subprocess.TimeoutExpired:
        return NOT_REACHED
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}").splitlines()[-1]
        return f"failed: {said[:200]}".replace("|", "/")
    found = json.loads(results.read_text()) if results.exists() else {}
    return {**found, "seconds": time.monotonic() - started}


def table(rows: Sequence[tuple[str, str, str]], machine: str) -> str:
    """Return the lines of the page."""
    lines = [
        f"On {machine}, by `make gpu-check`:",
        "",
        "| quantity | target | measured |",
        "|---|---|---|",
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]
    return "\n".join(lines)


def write_into(page: Path, text: str) -> None:
    """Put the text between its two marks. Raises ValueError where the page does not have them."""
    before, begun, rest = page.read_text().partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not begun or not ended:
        raise ValueError(f"{page} has no {BEGIN.strip()} … {END.strip()}, expected both; put them in")
    page.write_text(f"{before}{BEGIN}{text}{END}{after}")


def name_of(device: str) -> str:
    """Return the device in words. Exits with a sentence where it is not there."""
    import torch

    about = f"{os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}"
    if device == "cpu":
        return f"{platform.machine()}, no GPU; {about}"
    if not torch.cuda.is_available():
        raise SystemExit(f"there is no GPU that torch can use here, expected one; {PAGE.name} stays as it is")
    return f"{torch.cuda.get_device_name(device)}; {about}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--page", type=Path, default=PAGE, help="what the table is written into")
    options = parser.parse_args()
    machine = name_of(options.device)
    with tempfile.TemporaryDirectory() as folder:
        submission = Path(folder) / "submissions/identity"
        submission.mkdir(parents=True)
        (submission / "submission.py").write_text((ROOT / "submissions/identity/submission.py").read_text())
        rows = run_stages(stages(options.device), 60 * options.minutes, Path(folder))
    write_into(options.page, table(rows, machine))
    print(f"wrote {options.page}")


if __name__ == "__main__":
    main()
