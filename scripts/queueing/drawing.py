"""The plot of a competition's queue: what gets done and how long entries wait, against the number of workers."""

from collections.abc import Sequence
from pathlib import Path

from benchmark.drawing import Canvas
from benchmark.leaderboard.canvas import NORMAL, SMALL, Paper, save_plot
from queueing.tables import Throughput, Waiting

_LINES = ("-", "--", ":", "-.")


def draw_queue(found: Sequence[Throughput], waited: Sequence[Waiting], path: Path) -> None:
    """Draw two panels: entries per hour, a line per rate of failures beside the closed form; hours until a score."""
    canvas = Canvas(figsize=(7.0, 3.0), layout="constrained")
    left, right = canvas.subplots(1, 2)
    rates = sorted({each.cluster.failures for each in found})
    for rate, line in zip(rates, _LINES, strict=False):
        own = [each for each in found if each.cluster.failures == rate]
        workers = [each.cluster.workers for each in own]
        said = f"{rate * 86400:g} failures per worker and day"
        left.loglog(workers, [each.simulated for each in own], f"k{line}", lw=1, label=said)
        left.loglog(workers, [each.by_closed_form for each in own], "o", ms=3, mfc="none", mec="#4f9bd9")
        waits = [each for each in waited if each.cluster.failures == rate]
        workers = [each.cluster.workers for each in waits]
        right.loglog(workers, [each.mean for each in waits], f"k{line}", lw=1)
        right.loglog(workers, [each.longest for each in waits], line, lw=1, color="#9c2f10")
    left.set_ylabel("entries per hour (circles: closed form)", fontsize=NORMAL)
    right.set_ylabel("hours until a score: mean, longest (red)", fontsize=NORMAL)
    for axes in (left, right):
        axes.set_xlabel("workers", fontsize=NORMAL)
        axes.tick_params(labelsize=SMALL)
        axes.spines[["top", "right"]].set_visible(False)
    left.legend(fontsize=SMALL, frameon=False)
    save_plot(canvas, path, Paper(forms=(path.suffix[1:],)))
