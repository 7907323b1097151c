"""Equal-budget tuning: a search over a submission's SEARCH_SPACE, judged by models of its own."""

from benchmark.results.tuning import Trial, Tuning
from benchmark.tuning.command import changed_since_tuned, tunable, tunable_in_turn, tune, tune_elsewhere
from benchmark.tuning.scenario import tuning_scenario
from benchmark.tuning.tables import summary_rows, trial_rows

__all__ = [
    "Trial",
    "Tuning",
    "changed_since_tuned",
    "summary_rows",
    "trial_rows",
    "tunable",
    "tunable_in_turn",
    "tune",
    "tune_elsewhere",
    "tuning_scenario",
]
