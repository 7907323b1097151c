"""Sentences about what an audit has found, for people who are no statisticians."""

from math import exp
from typing import NamedTuple

from benchmark.audit.findings import Comparison, Control, Findings
from benchmark.audit.roles import Role
from benchmark.metrics.one_model import fewest_rejections
from benchmark.metrics.overunlearning import FDR
from benchmark.results.values import Estimate

NAMES: dict[Role, str] = {
    "retrained": "retrained models",
    "production": "the model in production",
    "production_unlearned": "the model in production after deletion",
    "original": "models before unlearning",
    "unlearned": "unlearned models",
}
HEADINGS: dict[Role, str] = {
    "production": "Model in production",
    "production_unlearned": "Model in production, after deletion",
    "original": "Before unlearning",
    "unlearned": "After unlearning",
}
"""Headings of columns, by what is held against the retrained models."""
_SMALL = 0.0001


class Answer(NamedTuple):
    """The answer about one kind of model."""

    headline: str
    notes: list[str]
    """What has to be known to read it."""

    def __str__(self) -> str:
        return " ".join([self.headline, *self.notes])


def answers(findings: Findings) -> list[Answer]:
    """Return the answers up front: one per kind of model that is compared, and what else has to be known."""
    roles: list[Role] = ["production", "production_unlearned", "unlearned"]
    known = [findings.comparisons[role] for role in roles if role in findings.comparisons]
    return [Answer(_headline(findings, each), _notes(findings, each)) for each in known]


def _headline(findings: Findings, comparison: Comparison) -> str:
    found, people = number(comparison.detectable_people), people_who(len(findings.people))
    asked = f"{'' if people.startswith('1 ') else 'the '}{people} who asked for deletion"
    terms = f"(N = {findings.models}, at most 5 % false discoveries)"
    if comparison.role == "unlearned":
        them = "the person" if people.startswith("1 ") else "them"
        return (
            f"For {found} of {asked}, unlearned models can be distinguished from models that never saw {them} {terms}."
        )
    name = NAMES[comparison.role]
    if comparison.models > 1:
        name = name.replace("model", f"{comparison.models} models")
    return f"{found.capitalize()} of {asked} can be detected in {name} {terms}."


def _notes(findings: Findings, comparison: Comparison) -> list[str]:
    is_unlearned = comparison.role == "unlearned"
    notes = [
        _before(findings) if is_unlearned else "",
        _outside(findings, comparison),
        _too_few(findings, comparison),
        _together(comparison),
        others(comparison),
        gap_words(findings) if is_unlearned else "",
    ]
    return [note for note in notes if note]


def others(comparison: Comparison) -> str:
    """Return what the same test finds of people whom no model was trained on; "" where there are none."""
    control = comparison.control
    if control is None:
        return ""
    if control.joint_p_value is not None:
        return _others_of_one(control, control.joint_p_value)
    found = f"The same test picks out {number(control.detectable)} of {control.people} people whom no model ever saw"
    if not control.fails:
        about = ": the difference is about the people who were deleted" if comparison.detectable_people else ""
        return f"{found}, which is no more than chance{about}."
    if control.detectable / control.people >= comparison.detectable_people / len(comparison.p_values):
        return f"{found}: the models differ in general, and on the deleted people no more than on others."
    return f"{found}: part of the difference is general and not about the deleted people."


def _others_of_one(control: Control, p_value: float) -> str:
    found = f"On {control.people} people whom no model ever saw, taken together, it"
    if not control.fails:
        return f"{found} answers like retrained models (p {p_text(p_value)}), as it should."
    return (
        f"{found} does not answer like retrained models (p {p_text(p_value)}): it differs in general, as a model of "
        "another recipe would, and what is found is no proof."
    )


def epsilon_words(epsilon: float) -> str:
    """Return what an ε lower bound says."""
    if epsilon <= 0:
        return "nothing is proved, which does not say that nothing leaks"
    return (
        f"some answer is {exp(epsilon):.1f} times as likely from one kind of model as from the other; an attacker who "
        f"sees it can be {_odds(epsilon)} sure"
    )


def _odds(epsilon: float) -> str:
    """Return the certainty that a likelihood ratio of e^ε gives from even odds."""
    return share(exp(epsilon) / (1 + exp(epsilon)))


def verdict(findings: Findings, comparison: Comparison, person: int) -> str:
    """Return the verdict on one person."""
    return "detectable" if comparison.is_detectable[person] else f"not detectable at N = {findings.models}"


def gap_words(findings: Findings) -> str:
    """Return how much of the way to retraining the unlearning function goes; "" where that is not known."""
    closed = findings.score.gap_closed.get("leak") if findings.score else None
    if not isinstance(closed, Estimate):
        return ""
    ends = f"{share(closed.value)} of the way ({share(closed.low)} to {share(closed.high)}, 95 % interval)"
    if closed.low > 0:
        return f"Unlearning goes {ends} from doing nothing (0 %) to retraining (100 %)."
    if closed.high < 0:
        return (
            f"Unlearning leads away from retraining: it goes {ends}, where doing nothing is 0 % and retraining 100 %."
        )
    return f"Unlearning is not significantly better than doing nothing: it goes {ends} to retraining."


def _before(findings: Findings) -> str:
    original = findings.comparisons.get("original")
    return "" if original is None else f"Before unlearning, that was so for {number(original.detectable_people)}."


def _outside(findings: Findings, comparison: Comparison) -> str:
    """Return how many people a single model stands out on as far as can be, and how many do by chance."""
    if comparison.models > 1:
        return ""
    smallest = comparison.smallest_p_value
    count = int((comparison.p_values <= smallest * 1.000001).sum())
    asked = len(findings.people)
    return (
        f"For {number(count)} of them its answer is more extreme than that of every retrained model; by chance that "
        f"happens for {asked * smallest:.1f} of {people_who(asked)} on average."
    )


def _together(comparison: Comparison) -> str:
    """Return the test of all people together, where there are several, and one model."""
    if comparison.joint_p_value is None or len(comparison.p_values) == 1:
        return ""
    does = "do" if comparison.joint_p_value <= FDR else "do not"
    return f"Taken together, these people {does} stand out (p {p_text(comparison.joint_p_value)})."


def _too_few(findings: Findings, comparison: Comparison) -> str:
    """Return why nobody could have been detectable, or several only; "" where one alone could."""
    if comparison.limit:
        return f"{comparison.limit}, so nobody could have been found."
    at_once = fewest_rejections(comparison.smallest_p_value, len(findings.people))
    if at_once == 1 or comparison.detectable_people:
        return ""
    held = "A single model" if comparison.models == 1 else f"{comparison.models} models"
    return (
        f"{held} held against {findings.models} can make people detectable only if at least {at_once} of them stand "
        "out together, so this clears none of them individually."
    )


def number(count: int) -> str:
    """Return a count as a sentence has it."""
    return str(count) if count else "none"


def people_who(count: int) -> str:
    """Return a number of people."""
    return "1 person" if count == 1 else f"{count} people"


def share(value: float) -> str:
    """Return a share in per cent."""
    return f"{100 * value:.0f} %".replace("-", "−")


def p_text(value: float) -> str:
    """Return a p-value behind its sign; a very small one is a bound."""
    return f"= {value:.4f}" if value > _SMALL else f"≤ {_SMALL:.4f}"


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds" if seconds >= 1.5 else "1 second"
