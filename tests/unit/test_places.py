"""Something else in the place of a file or a folder: the sentence names the path, what it is, and what to do."""

import os
import shutil
import socket
import tempfile
from pathlib import Path

import cases as made
import pytest
from datasets import miniature

from benchmark.data import check_data, data_folder, load_problem, set_data_folder
from benchmark.errors import BenchError
from benchmark.scenario.schema import load_scenario
from benchmark.storage.places import expect, expect_data, is_readable, refuse_other
from benchmark.submissions.notebook.cells import code_cells


def put(path: Path, what: str) -> None:
    """Put something at a path, in the place of what is there."""
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    match what:
        case "file":
            path.write_bytes(b"anything")
        case "folder":
            path.mkdir()
            (path / "inside.csv").write_text("")
            (path / ".hidden").write_text("")
        case "pipe":
            os.mkfifo(path)
        case "link to nothing":
            path.symlink_to("/nowhere")
        case "link to itself":
            path.symlink_to(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as listening:
                listening.bind(str(path))


AS_A_FILE = [
    ("folder", r"is a folder, expected .*; name a file in it \(inside\.csv\)"),
    ("pipe", r"is a pipe, expected .*; name a file$"),
    ("link to nothing", "is a link to /nowhere, which is not there, expected .*; correct the link"),
    ("link to itself", r"cannot be read \(Too many levels of symbolic links\), expected .*; make it readable"),
    ("nothing", "which is not in .*, expected .*; put it there or name its folder with --data-dir"),
]
AS_A_FOLDER = [
    ("file", "is a file, expected .*; name a folder"),
    ("pipe", "is a pipe, expected .*; name a folder"),
    *[case for case in AS_A_FILE if case[0] not in ("folder", "pipe")],
]


def refused(scenario: Path, sentence: str, place: str, data_check) -> None:
    """Assert that loading and checking say the sentence, and name the place."""
    with pytest.raises(BenchError, match=sentence) as caught:
        load_problem(load_scenario(str(scenario)))
    assert place in str(caught.value)
    said = data_check(scenario)
    assert said.status == 2
    assert str(caught.value) in said.err


@pytest.mark.parametrize("source", ["npz", "csv", "manifest", "forget"])
@pytest.mark.parametrize(("what", "sentence"), AS_A_FILE, ids=[what for what, _ in AS_A_FILE])
@pytest.mark.seconds
def test_no_file_where_a_file_is_needed(what, sentence, source, cases, data_check):
    arrays = {"inputs": made.FEATURES, "targets": made.LABELS}
    place, path = {
        "npz": lambda: ("case.npz", cases.arrays(**arrays)),
        "csv": lambda: ("case.csv", cases.table("")),
        "manifest": lambda: ("pictures/m.csv", cases.manifest("")),
        "forget": lambda: ("rows.txt", cases.arrays('kind = "indices"\nfile = "rows.txt"', **arrays)),
    }[source]()
    put(cases.root / place, what)
    refused(path, sentence, place, data_check)


@pytest.mark.parametrize(("what", "sentence"), AS_A_FOLDER, ids=[what for what, _ in AS_A_FOLDER])
def test_no_folder_where_a_folder_is_needed(what, sentence, cases, data_check):
    put(cases.root / "pictures", what)
    refused(cases.folder(), sentence, "pictures", data_check)


@pytest.mark.parametrize("name", ["pictures.zip", "pictures.TAR", "pictures.tar.gz"])
def test_an_archive_is_to_be_unpacked(name, cases):
    put(cases.root / name, "file")
    path = cases.scenario("image-folder", f'source = "image_folder"\nfolder = "{name}"\nsize = 12')
    with pytest.raises(BenchError, match=r"is a file, expected a folder .*; unpack it and name the folder"):
        load_problem(load_scenario(str(path)))


def test_what_lies_in_a_file_or_in_a_link_to_nothing(cases, data_check):
    put(cases.root / "pictures", "file")
    data = 'source = "npz"\nfile = "pictures/a/b.npz"'
    path = cases.scenario("npz", data)
    refused(path, "but .*/pictures/a/b.npz lies in .*/pictures, which is a file, expected an", "b.npz", data_check)
    put(cases.root / "pictures", "link to nothing")
    refused(path, "lies in .*/pictures, a link to /nowhere, which is not there", "b.npz", data_check)


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("folder", "lists 3.png, but .*/3.png is a folder, expected a picture"),
        ("pipe", "lists 3.png, but .*/3.png is a pipe, expected a picture"),
        ("link to nothing", "lists 3.png, but .*/3.png is a link to /nowhere, .* correct the link"),
        ("nothing", "lists 3.png, which is not there, expected a picture; put it there or take out its line"),
    ],
)
def test_a_listed_picture_is_no_file(what, sentence, cases, data_check):
    for i in range(12):
        cases.picture(f"pictures/{i}.png")
    path = cases.manifest("path,label\n" + "".join(f"{i}.png,{'ab'[i % 2]}\n" for i in range(12)))
    put(cases.root / "pictures" / "3.png", what)
    refused(path, sentence, "3.png", data_check)


@pytest.mark.parametrize("name", ["a\0b.png", "x" * 300 + ".png", "d/" * 3000 + "a.png"])
def test_a_listed_picture_whose_name_no_file_can_have(name, cases, data_check):
    cases.picture("pictures/0.png")
    path = cases.manifest(f"path,label\n0.png,a\n{name},b\n")
    with pytest.raises(
        BenchError, match=r"cannot be read \((embedded null byte|File name too long)\), expected a pict"
    ):
        load_problem(load_scenario(str(path)))
    assert data_check(path).status == 2


def test_a_class_that_is_a_link_to_nothing_is_said(cases):
    cases.classes("pictures")
    put(cases.root / "pictures" / "c", "link to nothing")
    from benchmark.data import problem_facts

    assert problem_facts(load_scenario(str(cases.folder()))).left_out == ("left out 1 (c): a link to nothing",)


@pytest.mark.parametrize(
    ("name", "place", "what", "sentence"),
    [
        ("casia-surf", "casia-surf", "file", "casia-surf is a file, expected the folder of CASIA-SURF; replace it"),
        ("casia-surf", "casia-surf/Age_Gender.txt", "folder", "Age_Gender.txt is a folder, expected CASIA-SURF's text"),
        ("casia-surf", "casia-surf/WBackground", "pipe", "WBackground is a pipe, expected the folder of CASIA-SURF's"),
        ("femnist", "femnist", "file", "femnist is a file, expected the folder of FEMNIST; replace it"),
        ("celeba-identity", "celeba", "link to nothing", "celeba is a link to /nowhere, which is not there, expected"),
        ("celeba-identity", "celeba/img_align_celeba", "file", "is a file, expected the folder of CelebA's pictures"),
        ("celeba-identity", "celeba/list_eval_partition.txt", "folder", "is a folder, expected a text file of CelebA"),
        ("cifar10", "cifar-10-batches-py", "file", "is a file, expected torchvision's folder of CIFAR10; replace it"),
        ("cifar10", "cifar-10-batches-py/test_batch", "folder", "test_batch is a folder, expected a file of CIFAR10"),
        ("fashion", "FashionMNIST/raw", "file", "is a file, expected torchvision's folder of FashionMNIST; replace it"),
        ("fashion", "FashionMNIST/raw/train-images-idx3-ubyte", "pipe", "is a pipe, expected a file of Fashion-MNIST"),
        ("cifar100", "cifar-100-python/meta", "pipe", "meta is a pipe, expected a file of CIFAR100"),
    ],
)
def test_a_known_data_set_with_something_else_in_a_place(name, place, what, sentence, tmp_path, monkeypatch):
    scenario = miniature(name, tmp_path, monkeypatch)
    put(tmp_path / place, what)
    with pytest.raises(BenchError, match=f"{sentence}.*, or name another folder with --data-dir"):
        load_problem(scenario)
    rows = check_data(load_scenario(name))
    assert rows[0]["status"] in ("damaged", "missing")
    assert sentence in rows[0]["found"]


def test_a_picture_that_is_a_pipe_is_not_waited_for(tmp_path, monkeypatch):
    scenario = miniature("celeba-identity", tmp_path, monkeypatch)
    put(tmp_path / "celeba" / "img_align_celeba" / "000002.jpg", "pipe")
    with pytest.raises(BenchError, match=r"000002\.jpg is a pipe, expected a picture; replace it"):
        load_problem(scenario)


def test_the_data_folder_is_no_folder(tmp_path, monkeypatch):
    put(tmp_path / "file", "file")
    for what, sentence in (
        ("file", "is a file, expected the folder with the data sets; name a"),
        ("none", "not there"),
    ):
        with pytest.raises(BenchError, match=f"--data-dir is .*{sentence}"):
            set_data_folder(tmp_path / what)
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "file"))
    with pytest.raises(BenchError, match=r"BENCH_DATA is .* is a file, expected the folder with the data sets"):
        data_folder()
    put(tmp_path / "round", "link to itself")
    with pytest.raises(BenchError, match=r"--data-dir is .*, which is no path: Symlink loop"):
        set_data_folder(tmp_path / "round")


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_is_prepared_finds_its_place_taken(what, cases):
    path = cases.arrays(inputs=made.FEATURES, targets=made.LABELS)
    load_problem(load_scenario(str(path)))
    (tensors,) = (cases.root / "prepared").glob("*.safetensors")
    place = cases.root / "prepared" if what == "file" else tensors
    put(place, what)
    load_problem(load_scenario("digits"))  # only the last problem is kept in memory
    with pytest.raises(BenchError, match=f"{place} is a {what}.*, expected .* kept .*; move it away"):
        load_problem(load_scenario(str(path)))


def test_a_checksum_that_cannot_be_read_is_worked_out_again(cases):
    path = cases.arrays(inputs=made.FEATURES, targets=made.LABELS)
    before = load_scenario(str(path)).hash
    (stored,) = (cases.root / "prepared").glob("*.sha256")
    put(stored, "folder")
    assert load_scenario(str(path)).hash == before


def test_a_folder_is_no_scenario_and_a_pipe_no_notebook(tmp_path):
    put(tmp_path / "mine.toml", "folder")
    with pytest.raises(BenchError, match=r"mine\.toml could not be read as TOML: it is a folder; .* name one in it"):
        load_scenario(str(tmp_path / "mine.toml"))
    for what, sentence in (("pipe", "it is no regular file"), ("folder", "Is a directory")):
        put(tmp_path / "a.ipynb", what)
        with pytest.raises(BenchError, match=rf"a\.ipynb cannot be read \({sentence}\); give the path of a notebook"):
            code_cells(tmp_path / "a.ipynb")


def test_what_only_another_user_may_read():
    """Root may read everything, so root becomes somebody else for a moment."""
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    (root / "locked").mkdir()
    (root / "locked" / "file").write_text("secret")
    (root / "file").write_text("secret")
    for path in (root / "file", root / "locked"):
        path.chmod(0)
    user = os.geteuid()
    if not user:
        os.seteuid(65534)
    try:
        for path, kind in ((root / "file", "file"), (root / "locked", "folder"), (root / "locked" / "file", "file")):
            assert not is_readable(path, kind)
            sentence = r"cannot be read \(Permission denied\), expected a thing; make it readable"
            with pytest.raises(BenchError, match=f"it is here, but {path} {sentence}"):
                expect(path, kind, "it is here", "a thing")
            with pytest.raises(BenchError, match=f"^{path} {sentence}, or name another folder"):
                refuse_other(path, kind, "a thing")
    finally:
        os.seteuid(user)
        (root / "locked").chmod(0o755)
        shutil.rmtree(root)


def test_a_socket_is_neither(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    put(Path("here"), "socket")
    with pytest.raises(BenchError, match="here is a socket, expected"):
        refuse_other(Path("here"), "file", "a file")
    refuse_other(Path("absent"), "file", "a file")


def test_what_is_absent_and_what_is_another_thing_have_codes_of_their_own(tmp_path):
    (tmp_path / "folder").mkdir()
    for name, code in {"absent.csv": "missing-data", "folder": "bad-data"}.items():
        with pytest.raises(BenchError) as caught:
            expect_data(tmp_path, name, "file", "data.file", "a CSV file")
        assert caught.value.code == code
