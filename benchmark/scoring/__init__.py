"""Evidence in, figures out: numpy and scipy only, no torch, no disk (law 5)."""

from benchmark.scoring.published import published_epsilon
from benchmark.scoring.quality import competition_score, forgetting_quality
from benchmark.scoring.statistic import logit_scaled_confidence

# Entries scored by different versions are never ranked together: raise it when a figure's value changes.
VERSION = "1"

__all__ = ["VERSION", "competition_score", "forgetting_quality", "logit_scaled_confidence", "published_epsilon"]
