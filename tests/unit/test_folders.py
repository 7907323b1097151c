"""Folders of pictures as people have them: the words for the parts, strays, endings, links."""

import os
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.data import check_data, load_problem, problem_facts
from benchmark.errors import BenchError
from benchmark.scenario.schema import load_scenario


def read(path):
    """The problem of a scenario file, and its facts."""
    scenario = load_scenario(str(path))
    return load_problem(scenario), problem_facts(scenario)


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ("train", "val", "test"),
        ("Train", None, "Test"),
        ("training", None, "testing"),
        ("TRAINING", "Validation", "TESTING"),
        ("train", "valid", "eval"),
        ("training", "dev", "test"),
        ("train", "dev", None),
        ("Train", "VAL", None),
        ("train", None, None),
        ("training_set", None, "test_set"),
        ("seg_train", None, "seg_test"),
        ("train-set", "val-set", None),
        ("train2017", "val2017", None),
        ("Train Images", "dev.data", "test_split"),
    ],
)
@pytest.mark.seconds
def test_the_parts_of_a_split_go_by_their_usual_words(train, validation, test, cases):
    sizes = {train: 20, validation: 6, test: 5}
    for part, size in sizes.items():
        if part:
            cases.classes(f"pictures/{part}", size)
    problem, facts = read(cases.folder())
    assert tuple(facts.classes) == ("a", "b")
    assert sum(facts.classes.values()) == 2 * sum(size for part, size in sizes.items() if part)
    if validation:
        assert len(problem.validation) == 12
    if test:
        assert len(problem.test) == 10
    drawn = [f"the data has no {part} part" for part, word in (("validation", validation), ("test", test)) if not word]
    assert [sentence.partition(", so")[0] for sentence in facts.remarks] == drawn
    train_rows = {row for row, name in enumerate(_names(cases)) if name.startswith(train)}
    assert set(problem.train.ids.tolist()) <= train_rows


def _names(cases):
    return load_scenario(str(cases.root / "case.toml")).data.load(cases.root).names


@pytest.mark.parametrize("beside", ["plane", "car"])
def test_a_class_may_have_a_parts_name(beside, cases):
    for name in ("train", beside):
        for i in range(20):
            cases.picture(f"pictures/{name}/{i}.png")
    assert set(read(cases.folder())[1].classes) == {"train", beside}


@pytest.mark.parametrize(
    ("folders", "sentence"),
    [
        (("train/a", "train/b", "a", "b"), "has train beside a, b, expected either parts of a split or classes"),
        (("train/a", "test/a", "a", "c"), "has train, test beside a, c, expected either"),
        (("train", "test", "bus"), "has train, test beside bus, expected either"),
        (("train/a", "train/b", "val/a", "validation/a"), "has both val, validation, expected one folder for each"),
        (("train/a", "Training/a", "test/a"), "has both .*, expected one folder for each"),
        (("test/a", "test/b", "val/a"), "has val, test, expected train with a folder of pictures for every class"),
        (("train", "test"), "has train, test, expected train with a folder of pictures for every class"),
        (("a",), "has the only class a, expected at least two classes; add another class"),
        (("Pets/a", "Pets/b", "__MACOSX/Pets"), "the only class Pets, .* if its 2 folders are the classes"),
        (("Pets/Pets/a", "Pets/Pets/b"), "the only class Pets"),
        ((), "has no folder with a picture, expected at least two"),
        (
            ("f1/a", "f1/b", "f2/a", "f2/b"),
            r"every folder in \S+ \(f1, f2\) has the same folders a, b, expected a fold",
        ),
        (("a/val", "a/test", "b/val", "b/test"), "have the folders test, val, expected train; add it"),
    ],
)
def test_what_is_neither_a_split_nor_classes_is_one_sentence(folders, sentence, cases, data_check):
    (cases.root / "pictures").mkdir()
    for folder in folders:
        for i in range(3):
            cases.picture(f"pictures/{folder}/{i}.png")
    path = cases.folder()
    with pytest.raises(BenchError, match=sentence) as caught:
        load_problem(load_scenario(str(path)))
    assert "\n" not in str(caught.value)
    assert data_check(path).status == 2


@pytest.mark.parametrize("words", [("train", "test"), ("train_set", "test_set")])
@pytest.mark.seconds
def test_the_parts_may_be_inside_the_classes(words, cases):
    train, test = words
    for name, parts in (("a", words), ("b", words), ("c", (train,))):
        for part in parts:
            for i in range(20 if part == train else 5):
                cases.picture(f"pictures/{name}/{part}/{i}.png")
    problem, facts = read(cases.folder())
    assert tuple(facts.classes) == ("a", "b", "c")
    assert len(problem.test) == 10
    names = _names(cases)
    assert all(f"/{test}/" in names[row] for row in problem.test.ids.tolist())


def test_folders_inside_classes_that_are_no_parts_are_read_through(cases):
    for name in ("a/images", "b/images"):
        for i in range(20):
            cases.picture(f"pictures/{name}/{i}.png")
    assert read(cases.folder())[1].classes == {"a": 20, "b": 20}


def test_a_part_may_lie_in_a_folder_of_its_name(cases):
    cases.classes("pictures/seg_train/seg_train")
    cases.classes("pictures/seg_test/seg_test", 5)
    cases.picture("pictures/seg_pred/0.png")
    problem, facts = read(cases.folder())
    assert tuple(facts.classes) == ("a", "b")
    assert len(problem.test) == 10


def test_a_part_without_classes_is_left_out_and_said(cases):
    cases.classes("pictures/train")
    for i in range(7):
        cases.picture(f"pictures/test/{i}.png")
    cases.picture("pictures/unlabelled/0.png")
    cases.classes("pictures/val", 4)
    problem, facts = read(cases.folder())
    assert sum(facts.classes.values()) == 48
    assert "left out 7 (test/0.png, test/1.png, test/2.png, …): not in a class's folder" in facts.left_out
    assert "left out 1 (unlabelled): beside the parts of the split" in facts.left_out
    assert len(problem.test) == 4


STRAYS = (
    ".DS_Store",
    "a/.DS_Store",
    "a/._0.png",
    "a/Thumbs.db",
    "b/desktop.ini",
    "__MACOSX/a/._0.png",
    ".ipynb_checkpoints/0-checkpoint.png",
    "a/.ipynb_checkpoints/0-checkpoint.png",
    "a/more/.ipynb_checkpoints/0-checkpoint.png",
    "b/@eaDir/0.png",
    "a/~$0.png",
    "#recycle/0.png",
    "System Volume Information/0.png",
    "$RECYCLE.BIN/0.png",
    "lost+found/0.png",
    "b/Thumbs.db:encryptable",
)


def test_strays_change_neither_classes_nor_hash(cases):
    cases.classes("pictures")
    before = load_scenario(str(cases.folder()))
    rows = load_problem(before).test.ids.tolist()
    for name in STRAYS:
        cases.picture(f"pictures/{name}.png")
        os.rename(cases.root / "pictures" / f"{name}.png", cases.root / "pictures" / name)
    after = load_scenario(str(cases.folder()))
    assert after.hash == before.hash
    shutil.rmtree(cases.root / "prepared")
    load_problem(load_scenario("digits"))
    assert load_problem(after).test.ids.tolist() == rows
    facts = problem_facts(after)
    assert facts.classes == {"a": 20, "b": 20}
    (sentence,) = facts.left_out
    assert sentence.startswith("left out 15 (")  # the hidden file beside the classes is no picture anyway
    assert "left out" in {row["what"] for row in check_data(after) if row["status"] == "note"}


@pytest.mark.parametrize("ending", [".JPG", ".Png", ".gif", ".jfif", ".tif", ".TIFF", ".webp", ".bmp", ".avif", ""])
@pytest.mark.seconds
def test_pictures_are_known_by_their_endings_and_without_one_by_their_content(ending, cases):
    cases.classes("pictures")
    kinds = {"": "PNG", ".jpg": "JPEG", ".jfif": "JPEG", ".tif": "TIFF"}
    kind = kinds.get(ending.lower(), ending[1:].upper())
    for i in range(3):
        cases.picture(f"pictures/a/more{i}{ending}", format=kind)
    facts = read(cases.folder())[1]
    assert facts.classes == {"a": 23, "b": 20}
    assert not facts.left_out


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("photo.heic", "Pillow cannot read .heic here; convert them to PNG or JPEG"),
        ("photo.HEIF", "Pillow cannot read .heif here"),
        ("notes.txt", ".txt is no picture's ending"),
        ("clip.mov", ".mov is no picture's ending"),
        ("README", "no picture"),
    ],
)
def test_other_files_are_left_out_and_named(name, reason, cases):
    cases.classes("pictures")
    for i in range(4):
        (cases.root / "pictures" / "b" / f"{i}{name}").write_bytes(b"no pixels")
    facts = read(cases.folder())[1]
    assert facts.classes == {"a": 20, "b": 20}
    (sentence,) = facts.left_out
    assert sentence.startswith(f"left out 4 (b/0{name}, b/1{name}, b/2{name}, …): {reason}")


@pytest.mark.parametrize(("content", "reason"), [(b"", "it is empty"), (b"hello", "cannot identify image file")])
def test_a_file_with_a_pictures_ending_that_is_none_is_refused_by_name(content, reason, cases, data_check):
    cases.classes("pictures")
    (cases.root / "pictures" / "a" / "5.png").write_bytes(content)
    said = data_check(cases.folder())
    assert said.status == 2
    assert f"a/5.png could not be read as an image: {reason}" in said.err


def test_names_are_shown_without_what_a_terminal_obeys(cases):
    cases.classes("pictures")
    for i in range(10):
        cases.picture(f"pictures/\x1b[31mred/{i}.png")
    scenario = load_scenario(str(cases.folder()))
    assert "\x1b" not in str(check_data(scenario))
    assert "?[31mred with 10" in str(check_data(scenario))


def test_links_are_followed_but_not_into_themselves(cases):
    cases.classes("pictures")
    root = cases.root / "pictures"
    cases.picture("elsewhere/0.png")
    (root / "a" / "linked").symlink_to(cases.root / "elsewhere")
    (root / "a" / "loop").symlink_to(root / "a")
    (root / "b" / "up").symlink_to(root)
    (root / "b" / "gone.png").symlink_to(root / "nothing.png")
    facts = read(cases.folder())[1]
    assert facts.classes == {"a": 21, "b": 20 + 21}
    assert any(
        "loop with" in sentence and "a link to a folder that it lies in" in sentence for sentence in facts.left_out
    )
    assert any("b/gone.png): no file, or a link to nothing" in sentence for sentence in facts.left_out)


def test_a_plain_folder_is_listed_as_torchvision_lists_it(cases):
    from torchvision.datasets import ImageFolder

    cases.classes("pictures")
    for name in ("a/x/1.png", "a/x-1/1.png", "a/x/y/0.png", "b/B.png", "b/a.PNG"):
        cases.picture(f"pictures/{name}")
    listing = ImageFolder(str(cases.root / "pictures"))
    path = cases.folder('kind = "random"\nsize = 2\nseed = 0')
    read(path)
    assert [str(cases.root / "pictures" / name) for name in _names(cases)] == [name for name, _ in listing.samples]


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "CMYK"])
def test_plain_pictures_have_the_pixels_that_pillow_gives_them(mode, cases):
    from torchvision.transforms.v2.functional import pil_to_tensor

    from benchmark.data.reading.images import read_images

    image = Image.fromarray(cases.rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)).convert(mode)
    path = cases.root / f"plain.{'tif' if mode == 'CMYK' else 'png'}"
    image.save(path)
    for channels, wanted in ((3, "RGB"), (1, "L")):
        with Image.open(path) as again:
            expected = pil_to_tensor(again.convert(wanted))
        assert torch.equal(read_images([path], 12, channels)[0], expected)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (
            ("a/train/0", "a/test/0", "b/0", "c/0"),
            r"has parts of a split \(test, train\) inside the folders a, but not inside b, c, expected them in every",
        ),
        (("a/train/0", "b/0"), r"\(train\) inside the folders a, but not inside b"),
        (("a/train/0", "a/val/0", "b/x/0", "c/train/0"), r"inside the folders a, c, but not inside b"),
        (("a/train/0", "a/test/0", "a/more/0", "b/0"), r"\(more, test, train\) inside the folders a, but not inside b"),
        (
            ("a/train/0", "a/test/0", "a/0", "b/train/0", "b/test/0"),
            r"has pictures beside the parts of a split \(test, train\) inside the folders a, expected every",
        ),
    ],
)
def test_parts_inside_some_classes_only_are_one_sentence(files, sentence, cases, data_check):
    for name in files:
        cases.picture(f"pictures/{name}.png")
    path = cases.folder()
    with pytest.raises(BenchError, match=f"{sentence}.*; move every picture into such a folder, or rename"):
        load_problem(load_scenario(str(path)))
    assert data_check(path).status == 2


@pytest.mark.parametrize("names", [("a/x", "a", "b"), ("a/x/train", "a", "b"), ("a/train", "b/train")])
def test_other_folders_inside_some_classes_are_read_through(names, cases):
    for name in names:
        for i in range(10):
            cases.picture(f"pictures/{name}/{i}.png")
    assert set(read(cases.folder())[1].classes) == {"a", "b"}
