"""Words that `docs/glossary.md` retires stand nowhere in code, docs, messages, columns or tests: a term per concept."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GLOSSARY, SELF = "docs/glossary.md", "tests/unit/test_words.py"  # name the retired words

RETIRED = {
    r"certified|certify|certifies": "ε lower bound",
    r"told apart": "detectable",
    r"population attacks?": "classifier MIA",
    r"hand-?backs?|hand(s|ed|ing)? back": "returned weights",
    r"strangers?": "untrusted code",
    r"walls": "sandbox",
    r"doubts?": "uncertainty",
    r"(?<!wall )(?<!wall-)clocks?": "timing",
    r"resolved above": "significantly better",
    r"remembered": "under-unlearned",
    r"share of the ceiling": "normalised score",
    r"figures?": "metric",
    r"readings": "plot",
}

EXCEPTIONS: dict[str, dict[str, str]] = {
    "benchmark/drawing.py": {"figure": "matplotlib's own name for a canvas"},
    "benchmark/results/schema1.py": dict.fromkeys(
        ("certified", "remembered", "figures"), "keys of scorecards of schema 1, which it converts"
    ),
    "benchmark/sandbox/child/binding.py": {"remembered": "a name that submissions give to the retain loader"},
    "benchmark/sandbox/child/supervisor.py": {"clock": "the kernel's own name for a tick of CPU time"},
    "tests/unit/test_binding.py": {"remembered": "a name that submissions give to the retain loader"},
    "tests/unit/test_metrics.py": dict.fromkeys(("certified", "figures"), "keys of scorecards of schema 1"),
    "tests/unit/test_published_reason.py": {"figures": "a key of scorecards of schema 1"},
}
"""File → word → why it may stand there."""


@cache
def texts() -> dict[str, str]:
    """Return every file that people or programs read, by its path in the repository."""
    found = {}
    for pattern in (
        "benchmark/**/*.py",
        "benchmark/**/*.toml",
        "docs/*.md",
        "*.md",
        "scripts/*.py",
        "submissions/*/*.py",
        "tests/**/*.py",
    ):
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            if name not in (GLOSSARY, SELF):
                found[name] = path.read_text()
    return found


def uses(text: str, words: str) -> list[str]:
    """Return the retired words in a text; `_` and digits end a word, so that names and columns are looked at too."""
    return [m[0] for m in re.finditer(rf"(?<![^\W\d_])(?:{words})(?![^\W\d_])", text.lower())]


@cache
def uses_of_any() -> dict[str, set[str]]:
    """Return the retired words in every file that has some."""
    any_of_them = "|".join(f"(?:{words})" for words in RETIRED)
    return {name: found for name, text in texts().items() if (found := set(uses(text, any_of_them)))}


@pytest.mark.parametrize("words", RETIRED)
@pytest.mark.seconds
def test_a_retired_word_stands_nowhere(words):
    held = {name: set(EXCEPTIONS.get(name, {})) for name in uses_of_any()}
    found = {
        name: sorted(left)
        for name, used in uses_of_any().items()
        if (left := {word for word in used - held[name] if re.fullmatch(words, word)})
    }
    assert not found, f"say {RETIRED[words]!r} instead (docs/glossary.md)"


@pytest.mark.parametrize(
    ("text", "words", "found"),
    [
        ("certified_examples", "certified", ["certified"]),
        ("the run handed back weights", r"hand(s|ed|ing)? back", ["handed back"]),
        ("wall clock, CLOCK", r"(?<!wall )clocks?", ["clock"]),
        ("def _walls(): stone_walls", "walls", ["walls", "walls"]),
        ("disfigured configure", "figures?", []),
        ("estrangers", "strangers?", []),
    ],
)
def test_words_are_found_in_prose_names_and_columns(text, words, found):
    assert uses(text, words) == found


def test_an_exception_is_still_needed():
    assert all(uses(texts()[name], word) for name, words in EXCEPTIONS.items() for word in words)


def test_the_glossary_has_every_replacement():
    text = (ROOT / GLOSSARY).read_text()
    assert all(re.search(re.escape(term), text, re.IGNORECASE) for term in RETIRED.values())
