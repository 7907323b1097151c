"""How much of a ranking is the evaluation's own doing."""

from benchmark.study.stored import study
from benchmark.study.variants import ESTIMATORS, evaluate_variants, quality_with_width

__all__ = ["ESTIMATORS", "evaluate_variants", "quality_with_width", "study"]
