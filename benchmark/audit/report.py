"""The report of an audit: report.html, complete in one file, and report.pdf."""

import platform
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmark.audit import charts, wording
from benchmark.audit.findings import Comparison, Findings
from benchmark.audit.names import KEY, TABLE, keyed_hash_of_file, pseudonyms
from benchmark.audit.pdf import print_pdf
from benchmark.audit.roles import CHECKPOINTS, ROLES, checkpoint_hash
from benchmark.audit.settings import FILE, Audit
from benchmark.audit.sources import findings_of
from benchmark.audit.store import input_hashes
from benchmark.metrics.support import RECOMMENDED, most_provable
from benchmark.pages import render
from benchmark.results.values import Estimate
from benchmark.storage.workspace import write_atomically

HTML, PDF = "report.html", "report.pdf"
_PICTURED = 6  # people


class Written(NamedTuple):
    """The files that `write_report` has written, and the answers in them."""

    paths: list[Path]
    answers: list[wording.Answer]
    findings: dict[str, Any]
    """The same for machines."""
    advice: str
    """What to do for a PDF, where none could be made."""


def write_report(audit: Audit, *, show_ids: bool, pdf: bool) -> Written:
    """Write report.html, and report.pdf where a browser is there. Raises BenchError where signals are missing."""
    findings, record = findings_of(audit)
    names = list(findings.people) if show_ids else pseudonyms(audit, findings.people)
    page, advice = audit.path(HTML), ""
    write_atomically(page, render_report(audit, findings, record, names, show_ids=show_ids))
    paths = [page]
    audit.path(PDF).unlink(missing_ok=True)  # an older one would say something else
    if pdf and not (advice := print_pdf(page, audit.path(PDF))):
        paths.append(audit.path(PDF))
    return Written(paths, wording.answers(findings), as_json(findings, names), advice)


def render_report(
    audit: Audit,
    findings: Findings,
    record: Mapping[str, Any],
    names: list[str],
    *,
    show_ids: bool,
    today: str | None = None,
) -> bytes:
    """Return the page. `names`: what people are called in it; `today`: the date on it."""
    return render(
        "benchmark.audit",
        "report.html",
        styles=["report.css"],
        settings=audit.settings,
        today=today or datetime.now(UTC).date().isoformat(),
        answers=wording.answers(findings),
        found=findings,
        record=record,
        rows=person_rows(findings, names),
        compared=[(wording.HEADINGS[role], each) for role, each in findings.comparisons.items()],
        strips=_strips(findings, names),
        shares=charts.shares(findings, wording.HEADINGS),
        profile=charts.draw_profile(findings),
        charts=charts,
        words=wording,
        measures=_measures(findings),
        accuracies=_accuracies(findings),
        recommended=RECOMMENDED,
        most_epsilon=most_provable(findings.models, len(findings.people), findings.delta),
        show_ids=show_ids,
        pseudonym_files=(TABLE, KEY),
        hashes=file_hashes(audit, keyed=not show_ids),
        versions=_versions(record),
        folder=shlex.quote(audit.folder.name),
    )


class Cell(NamedTuple):
    """The verdict of one kind of model on one person."""

    is_detectable: bool
    verdict: str
    p: str
    epsilon: float | None


class PersonRow(NamedTuple):
    """A person's row of the report."""

    name: str
    cells: list[Cell]


def person_rows(findings: Findings, names: list[str]) -> list[PersonRow]:
    """Return a row per person, the one with the smallest p-values first."""
    return [
        PersonRow(names[person], [_cell(findings, each, person) for each in findings.comparisons.values()])
        for person in findings.worst_people(len(names))
    ]


def _cell(findings: Findings, comparison: Comparison, person: int) -> Cell:
    has_bound = comparison.epsilon is not None and comparison.role != "original"
    epsilon = float(comparison.epsilon[person]) if has_bound and comparison.epsilon is not None else None
    return Cell(
        bool(comparison.is_detectable[person]),
        wording.verdict(findings, comparison, person),
        wording.p_text(float(comparison.p_values[person])),
        epsilon,
    )


def _strips(findings: Findings, names: list[str]) -> list[charts.Strip]:
    strips = []
    for person in findings.worst_people(_PICTURED):
        said = [
            f"{wording.HEADINGS[role].lower()}: {wording.verdict(findings, each, person)}, "
            f"p {wording.p_text(float(each.p_values[person]))}"
            for role, each in findings.comparisons.items()
        ]
        strips.append(charts.draw_strip(findings, person, names[person], "; ".join(said)))
    return strips


class Measure(NamedTuple):
    """A number about the unlearned models, beside that of doing nothing and of perfect unlearning."""

    name: str
    after: str
    before: str
    perfect: str
    meaning: str


_MEASURES = {
    "detectable": ("People detectable", ".0%", "0 %", "the share of people in the table above"),
    "leak_phi": (
        "Leak",
        ".2f",
        "0",
        "how much more often an attacker who sees an answer says “unlearned” of unlearned than of retrained models",
    ),
    "largest_epsilon_lower_bound": ("Largest ε lower bound", ".2f", "0", "what is proved of the worst person, in nats"),
}
"""By the name of a metric: title, form, value of perfect unlearning, meaning."""


def _measures(findings: Findings) -> list[Measure]:
    score = findings.score
    if score is None:
        return []
    before = score.doing_nothing.metrics if score.doing_nothing else {}
    return [
        Measure(title, _show(score.metrics.get(name), form), _show(before.get(name), form), perfect, meaning)
        for name, (title, form, perfect, meaning) in _MEASURES.items()
    ]


def _show(value: Any, form: str) -> str:
    if value is None:
        return "–"
    ends = f" ({value.low:{form}} to {value.high:{form}})" if isinstance(value, Estimate) else ""
    return f"{value.value:{form}}{ends}".replace("-", "−").replace("%", " %")


def _accuracies(findings: Findings) -> list[tuple[str, int, str]]:
    """Return per kind of model its heading, the number of models, and their accuracy on the test rows."""
    kinds = [("Retrained without the people", findings.retrained)]
    kinds += [(wording.HEADINGS[role], each.signals) for role, each in findings.comparisons.items()]
    return [(name, len(each.phi), _mean(each.test_accuracy)) for name, each in kinds if each.test_accuracy is not None]


def _mean(values: np.ndarray) -> str:
    spread = f" ± {100 * values.std(ddof=1):.1f}" if len(values) > 1 else ""
    return f"{100 * values.mean():.1f}{spread} %"


def file_hashes(audit: Audit, *, keyed: bool) -> list[tuple[str, str, str]]:
    """Return name, kind of hash and hash of every file that the audit was made of.

    `keyed`: a file of ids is short, so that its plain hash would let others try lists; it gets one under the key.
    """
    settings = audit.settings
    names = {FILE: sha256(audit.path(FILE).read_bytes()).hexdigest()}
    if settings.signals is not None:
        section = settings.signals
        files = [name for role in ROLES if (name := getattr(section, role))]
        names |= {name: checkpoint_hash(audit, name, "signals") for name in files}
        ids = section.ids
    else:
        names |= input_hashes(audit)
        for role in CHECKPOINTS:
            names |= {name: checkpoint_hash(audit, name, f"code.{role}") for name in getattr(settings.code, role)}
        ids = settings.data.deletion if settings.data else None
    rows = [(name, "SHA-256", digest) for name, digest in names.items() if name != ids]
    if ids is not None:
        kind = "HMAC-SHA-256" if keyed else "SHA-256"
        digest = keyed_hash_of_file(audit, ids) if keyed else sha256(audit.path(ids).read_bytes()).hexdigest()
        rows.append((ids, kind, digest))
    return rows


def _versions(record: Mapping[str, Any]) -> dict[str, str]:
    ours = {"Python": platform.python_version(), "unlearning-benchmark": metadata.version("unlearning-benchmark")}
    return ours | record.get("packages", {}) | {name: metadata.version(name) for name in ("numpy", "scipy")}


def as_json(findings: Findings, names: list[str]) -> dict[str, Any]:
    """Return the findings as plain values; people are called by `names`."""
    return {
        "retrained_models": findings.models,
        "answers": [str(each) for each in wording.answers(findings)],
        "comparisons": {role: _comparison_json(each, names) for role, each in findings.comparisons.items()},
        "score": findings.score.to_dict() if findings.score else None,
    }


def _comparison_json(comparison: Comparison, names: list[str]) -> dict[str, Any]:
    epsilon = [None] * len(names) if comparison.epsilon is None else comparison.epsilon.tolist()
    columns = zip(names, comparison.p_values.tolist(), comparison.is_detectable.tolist(), epsilon, strict=True)
    return {
        "models": comparison.models,
        "joint_p_value": comparison.joint_p_value,
        "people": [
            dict(zip(("person", "p_value", "detectable", "epsilon_lower_bound"), each, strict=True)) for each in columns
        ],
        "others": None if comparison.control is None else vars(comparison.control),
    }
