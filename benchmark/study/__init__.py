"""Studies of the evaluation itself: how far a ranking depends on its choices, and which metric sees what."""

from benchmark.study.planted import study_planted
from benchmark.study.stored import study, study_order
from benchmark.study.variants import ESTIMATORS, evaluate_variants, quality_with_width

__all__ = ["ESTIMATORS", "evaluate_variants", "quality_with_width", "study", "study_order", "study_planted"]
