"""The examples of CONTRIBUTING.md, as an installed package has them: they make a row."""

import re
import textwrap

import pytest
from conftest import MINIATURE, REPOSITORY
from installed import install, run_bench

SEAMS = {
    "metric": ("metric", "median_gap"),
    "source": ("source", "Wine"),
    "forget set": ("forget_set", "EveryNth"),
    "manipulation": ("manipulation", "NextClass"),
    "access": ("access", "HalfOfRetain"),
    "network": ("network", "Linear"),
    "treatment": ("treatment", "halved"),
    "task": ("task", "Absolute"),
}
SCENARIO = MINIATURE.replace('source = "digits"\ntrain = 200\nvalidation = 50\ntest = 100', 'source = "wine"\n{data}')
SCENARIO = SCENARIO.replace('kind = "random"\nsize = 10\nseed = 0', 'kind = "every"\nn = 12')
SCENARIO = SCENARIO.replace('name = "mlp"\nwidths = [16]', 'name = "linear"')
SCENARIO += '\n[protocol.access]\nkind = "half-of-retain"\n'
DATA = "train = 100\nvalidation = 20\ntest = 50\nstandardise = true"


def examples():
    """Return seam → (object, source) of every example, without the lines that a package leaves out."""
    parts = re.split(r"^### An? ", (REPOSITORY / "CONTRIBUTING.md").read_text(), flags=re.MULTILINE)[1:]
    found = {}
    for part in parts:
        seam, kind = SEAMS[part.partition(":")[0]]
        code = textwrap.dedent("\n".join(line for line in part.splitlines()[1:] if line[:4] in ("    ", "")))
        found[seam] = (kind, re.sub(r"^(@[A-Z_]+\.add|from \S+ import [A-Z_]+)\n", "", code, flags=re.MULTILINE))
    return found


@pytest.fixture
def installed(tmp_path):
    assert set(examples()) == {seam for seam, _ in SEAMS.values()}
    return install(tmp_path / "installed", {seam: ("it", *example) for seam, example in examples().items()})


@pytest.mark.long
def test_the_examples_of_contributing_make_a_row(installed, tmp_path):
    (tmp_path / "wine.toml").write_text(SCENARIO.replace("{data}", DATA))
    card = run_bench(installed, tmp_path / "workspace", "run", "mine", "--scenario", str(tmp_path / "wine.toml"))
    assert (card["failed_runs"], card["attempted_runs"]) == (0, 8), card["reason"]
    assert len(card["metrics"]["epsilon"]["values"]) == 9
    assert card["metrics"]["median_gap"]["value"] >= 0
    assert card["metrics"]["retain_accuracy"]["value"] > 0.8
    assert card["footnotes"] == ["submissions are given every second retained example"]
    for listing, name in {"tasks": "absolute", "manipulations": "next_class", "treatments": "halved"}.items():
        rows = run_bench(installed, tmp_path / "workspace", "list", listing)
        assert name in {value for row in rows for value in row.values()}


BAD = {
    "source": ("Wine", "from sklearn", "raise KeyError('x')  # ", "the source it of the installed package all-seams"),
    "network": ("Linear", "return nn", "raise KeyError('x')  # ", "linear, with inputs of"),
    "forget_set": ("EveryNth", "return torch", "raise SystemExit(1)  # ", "the forget set it of the installed package"),
}


@pytest.mark.parametrize("seam", BAD)
@pytest.mark.long
def test_what_a_kind_raises_is_a_sentence_that_names_it(seam, tmp_path):
    kind, old, new, sentence = BAD[seam]
    files = {each: ("it", *example) for each, example in examples().items()}
    assert files[seam][2].count(old) == 1
    files[seam] = ("it", kind, files[seam][2].replace(old, new))
    installed = install(tmp_path / "installed", files)
    (tmp_path / "wine.toml").write_text(SCENARIO.replace("{data}", DATA))
    arguments = ("run", "mine", "--scenario", str(tmp_path / "wine.toml"))
    said = run_bench(installed, tmp_path / "workspace", *arguments, fails=True)
    assert sentence in said
    assert "Traceback" not in said
