"""Study of how far a ranking depends on the choices of the evaluation."""

from benchmark.study.stored import study
from benchmark.study.variants import ESTIMATORS, evaluate_variants, quality_with_width

__all__ = ["ESTIMATORS", "evaluate_variants", "quality_with_width", "study"]
