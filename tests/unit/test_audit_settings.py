"""audit.toml: what is accepted, and one sentence about what is not."""

import pytest
from audits import SETTINGS, write_audit

from benchmark.audit.settings import read_audit
from benchmark.errors import BadScenario, BenchError, MissingData

PATH = 'title = "t"\n[signals]\nretrained = "r.npy"\nunlearned = "u.npy"\n'


def test_a_written_audit_is_read(tmp_path):
    audit = read_audit(write_audit(tmp_path))
    assert audit.settings.models == 6
    assert audit.settings.data.id == "id"
    assert audit.path("people.csv") == tmp_path.resolve() / "people.csv"


@pytest.mark.parametrize(("value", "paths"), [('"a.pkl"', ("a.pkl",)), ('["a.pkl", "b.pkl"]', ("a.pkl", "b.pkl"))])
def test_production_is_one_path_or_a_list(value, paths, tmp_path):
    write_audit(tmp_path, settings=f"{SETTINGS}production = {value}\n")
    assert read_audit(tmp_path).settings.code.production == paths


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("title = ", "could not be read as TOML"),
        ("", "title is missing; add it"),
        ('title = "t"', r"needs the sections \[data\] and \[code\], or \[signals\] alone"),
        (PATH + "[data]\nfile = 'p.csv'\ndeletion = 'd.csv'", r"\[signals\] came beside \[data\]"),
        ('title = "t"\n[signals]\nretrained = "r.npy"', "retrained models alone, expected others"),
        (PATH.replace("unlearned", "production") + "original = 'o.npy'", "signals.original came without"),
        (SETTINGS.replace("deletion", "deletions"), r"data.deletions is not a key .*did you mean 'deletion'"),
        (SETTINGS.replace("models = 6", "models = 3"), "models is 3, expected greater than or equal to 4"),
        (SETTINGS.replace("models = 6", "modles = 6"), r"modles is not a key .*did you mean 'models'"),
        (SETTINGS.replace("models = 6", 'models = "6"'), "models is '6', expected integer"),
        (SETTINGS.replace("models = 6", "x = 6"), "accepted here: title, .*, code, signals$"),
        (SETTINGS.replace("A test", ""), "title is '', expected at least 1 character"),
        (SETTINGS + "batch_size = 0", "code.batch_size is 0, expected greater"),
        (SETTINGS.replace("models = 6", "models = 2026-01-01"), "models is '2026-01-01', expected integer"),
        (SETTINGS + "production = 3", "code.production"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(text, sentence, tmp_path):
    (tmp_path / "audit.toml").write_text(text)
    with pytest.raises(BadScenario, match=sentence) as caught:
        read_audit(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("folder", ["absent", "."])
def test_a_folder_without_an_audit_says_how_to_make_one(folder, tmp_path):
    with pytest.raises(MissingData, match="bench audit init"):
        read_audit(tmp_path / folder)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BenchError, match="is a file, expected a folder with audit"):
        read_audit(tmp_path / "file")
