"""Kinds from our own modules and from installed packages, and what a broken one leads to."""

import sys

import pytest

from benchmark.errors import BenchError
from benchmark.registry import Registry


def names_of(kind):
    if not hasattr(kind, "kinds"):
        raise ValueError(f"{kind!r} has no kinds, expected a tuple of names")
    return kind.kinds


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with two modules, each of which adds a kind."""
    folder = tmp_path / "shipped_kinds"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from benchmark.registry import Registry\n"
        "def names_of(kind):\n"
        "    if not hasattr(kind, 'kinds'): raise ValueError('it has no kinds')\n"
        "    return kind.kinds\n"
        "KINDS = Registry('fruit', __name__, names_of)\n"
    )
    for name, kinds in {"pear": ("pear", "nashi"), "apple": ("apple",)}.items():
        (folder / f"{name}.py").write_text(
            f"from shipped_kinds import KINDS\n@KINDS.add\nclass {name.title()}:\n    kinds = {kinds}\n"
        )
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for module in [name for name in sys.modules if name.partition(".")[0] in ("shipped_kinds", "brought")]:
        del sys.modules[module]


def kinds_of(package):
    import shipped_kinds  # pyright: ignore[reportMissingImports]

    return shipped_kinds.KINDS


def bring(folder, source, value="brought:Kind", name="kind"):
    """Install a package that brings one object."""
    (folder / "brought.py").write_text(source)
    about = folder / "brought-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: brought\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[unlearning_benchmark.fruit]\n{name} = {value}\n")


def test_shipped_kinds_are_found_by_every_name_in_order(package):
    kinds = kinds_of(package)
    assert sorted(kinds) == ["apple", "nashi", "pear"]
    assert kinds["pear"] is kinds["nashi"]
    assert [kind.__name__ for kind in kinds.unique()] == ["Apple", "Pear"]
    assert len(kinds) == 3
    assert kinds.origin("pear") == "the benchmark"


def test_an_unknown_name_is_one_sentence_with_the_nearest(package):
    with pytest.raises(BenchError, match=r"there is no fruit 'aple' \(did you mean 'apple'\?\); name one of apple"):
        kinds_of(package).named("aple")


def test_an_installed_package_brings_a_kind(package, capsys):
    bring(package, "class Kind:\n    kinds = ('plum',)\n")
    kinds = kinds_of(package)
    assert kinds.named("plum").__module__ == "brought"
    assert kinds.origin("plum") == "brought"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("source", "value", "reason"),
    [
        ("raise RuntimeError('no licence')", "brought:Kind", "no licence"),
        ("x = 1", "brought:Kind", "has no attribute 'Kind'"),
        ("x = 1", "absent_module:Kind", "No module named 'absent_module'"),
        ("class Kind:\n    kinds = ('apple',)", "brought:Kind", "the name apple is taken by the benchmark"),
        ("Kind = 3", "brought:Kind", "it has no kinds"),
    ],
)
def test_a_broken_plug_in_is_left_out_with_a_sentence(source, value, reason, package, capsys):
    bring(package, source, value)
    assert sorted(kinds_of(package)) == ["apple", "nashi", "pear"]
    said = capsys.readouterr().err
    assert said.startswith("note: the fruit kind of the installed package brought is left out: ")
    assert reason in said
    assert said.count("\n") == 1


def test_two_kinds_of_ours_with_one_name_are_a_fault():
    kinds = Registry("fruit", "benchmark", names_of)
    first, second = (type("Kind", (), {"kinds": ("same",)}) for _ in range(2))
    kinds.add(first)
    assert kinds.add(first) is first
    with pytest.raises(ValueError, match="the name same is taken by the benchmark"):
        kinds.add(second)
