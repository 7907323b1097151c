"""Evidence in, values out: numpy, scipy and scikit-learn, no torch, no disk.

scikit-learn and scipy are imported where they are called: the processes that resample, and the commands that only show
a board, need neither.
"""

from benchmark.metrics.bootstrap import (
    Population,
    existing,
    interval,
    quality_and_score,
    quality_and_score_of_halves,
    resampled_share,
)
from benchmark.metrics.classifiers import (
    classifier_mia,
    classifier_mia_svm,
    mean_classifier_mia,
    mean_classifier_mia_svm,
)
from benchmark.metrics.held_out import held_out_epsilon
from benchmark.metrics.klom import klom
from benchmark.metrics.leak import leak
from benchmark.metrics.leak_score import gap_closed
from benchmark.metrics.lira import attack_intervals, attack_result, ruli, ruli_scores, ulira, ulira_scores
from benchmark.metrics.lower_bounds import epsilon_lower_bound, provable_epsilon
from benchmark.metrics.overunlearning import direction
from benchmark.metrics.permutation import detectable
from benchmark.metrics.profile import privacy_profile
from benchmark.metrics.published import published_epsilon
from benchmark.metrics.quality import competition_score, forgetting_quality
from benchmark.metrics.statistic import logit_scaled_confidence
from benchmark.metrics.support import fewest_for_leaks, most_provable, no_leak, no_rate, no_rejection, no_share

# Entries scored by different versions are never ranked together: raise it when a metric's value changes.
VERSION = "1"

__all__ = [
    "VERSION",
    "Population",
    "attack_intervals",
    "attack_result",
    "classifier_mia",
    "classifier_mia_svm",
    "competition_score",
    "detectable",
    "direction",
    "epsilon_lower_bound",
    "existing",
    "fewest_for_leaks",
    "forgetting_quality",
    "gap_closed",
    "held_out_epsilon",
    "interval",
    "klom",
    "leak",
    "logit_scaled_confidence",
    "mean_classifier_mia",
    "mean_classifier_mia_svm",
    "most_provable",
    "no_leak",
    "no_rate",
    "no_rejection",
    "no_share",
    "privacy_profile",
    "provable_epsilon",
    "published_epsilon",
    "quality_and_score",
    "quality_and_score_of_halves",
    "resampled_share",
    "ruli",
    "ruli_scores",
    "ulira",
    "ulira_scores",
]
