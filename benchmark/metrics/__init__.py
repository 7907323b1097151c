"""Evidence in, values out: numpy, scipy and scikit-learn, no torch, no disk.

scikit-learn's classifiers and `scipy.stats`, which takes a second, are imported where they are called: the processes
that resample need neither.
"""

from benchmark.metrics.bootstrap import Population, existing, figures, interval, resampled_figures, resampled_share
from benchmark.metrics.held_out import held_out_epsilon
from benchmark.metrics.klom import klom
from benchmark.metrics.lira import attack_intervals, attack_result, ruli, ruli_scores, ulira, ulira_scores
from benchmark.metrics.lower_bounds import epsilon_lower_bounds, provable_epsilon
from benchmark.metrics.overunlearning import direction
from benchmark.metrics.permutation import distinguishable
from benchmark.metrics.population import mean_population_attack, mean_svm_attack, population_attack, svm_attack
from benchmark.metrics.published import published_epsilon
from benchmark.metrics.quality import competition_score, forgetting_quality
from benchmark.metrics.statistic import logit_scaled_confidence
from benchmark.metrics.support import fewest_for_leaks, most_provable, no_leak, no_rate, no_rejection, no_share

# Entries scored by different versions are never ranked together: raise it when a figure's value changes.
VERSION = "1"

__all__ = [
    "VERSION",
    "Population",
    "attack_intervals",
    "attack_result",
    "competition_score",
    "direction",
    "distinguishable",
    "epsilon_lower_bounds",
    "existing",
    "fewest_for_leaks",
    "figures",
    "forgetting_quality",
    "held_out_epsilon",
    "interval",
    "klom",
    "logit_scaled_confidence",
    "mean_population_attack",
    "mean_svm_attack",
    "most_provable",
    "no_leak",
    "no_rate",
    "no_rejection",
    "no_share",
    "population_attack",
    "provable_epsilon",
    "published_epsilon",
    "resampled_figures",
    "resampled_share",
    "ruli",
    "ruli_scores",
    "svm_attack",
    "ulira",
    "ulira_scores",
]
