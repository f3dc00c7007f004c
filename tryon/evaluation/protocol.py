"""The one door to every evaluation."""

from __future__ import annotations

from tryon.evaluation.photographs import PhotographEvaluation, evaluate_photographs
from tryon.evaluation.report import Report
from tryon.evaluation.synthetic import SyntheticEvaluation, evaluate_synthetic

Evaluation = SyntheticEvaluation | PhotographEvaluation


def evaluate(config: Evaluation) -> Report:
    """Measure what the configuration says, on held-out synthetic people or on photographs.

    Raises OptionError, ImageNotFoundError, WeightsError or DependencyError.
    """
    if isinstance(config, SyntheticEvaluation):
        return evaluate_synthetic(config)
    return evaluate_photographs(config)
