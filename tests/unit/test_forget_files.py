"""Files that say what is forgotten, and what is said about it; examples that are there twice."""

import cases as made
import numpy as np
import pytest

from benchmark.data import load_problem, problem_facts
from benchmark.errors import BenchError
from benchmark.scenario.schema import load_scenario

SPLIT = {"inputs": made.FEATURES, "targets": made.LABELS, "split": made.PARTS}
MARKED = np.isin(np.arange(200), [4, 50, 159])


def listing(cases, content, name="forget.npy", **arrays):
    """The scenario of the arrays with a forget set from a file of this content."""
    path = cases.root / name
    np.save(path, content) if name.endswith(".npy") else path.write_text(content)
    return load_scenario(str(cases.arrays(f'kind = "indices"\nfile = "{name}"', **(arrays or SPLIT))))


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (MARKED, "forget.npy"),
        (MARKED[:160], "forget.npy"),
        (MARKED.astype(int), "forget.npy"),
        (MARKED[:160].astype(np.uint8), "forget.npy"),
        (MARKED.astype(float), "forget.npy"),
        (MARKED[:, None], "forget.npy"),
        (np.array([159, 4, 50]), "forget.npy"),
        (np.array([[159.0], [4.0], [50.0]]), "forget.npy"),
        (np.array(["159", "4", "50"]), "forget.npy"),
        (np.array([b"159", b"4", b"50"]), "forget.npy"),
        (MARKED.astype(str), "forget.npy"),
        ("159\n4\n50\n", "forget.txt"),
        ("".join(map(str, MARKED.astype(int).tolist())), "forget.txt"),
        ("\ufeffrow\r\n159\r\n4\r\n50\r\n", "forget.csv"),
        ("# rows\n159 4 50", "forget.txt"),
        ("159,4,50", "forget.csv"),
        ("\n".join(map(str, MARKED.tolist())), "forget.txt"),
        ("forget\n" + "\n".join(map(str, MARKED.astype(int).tolist())), "forget.csv"),
    ],
)
def test_rows_and_masks_forget_what_they_mean(content, name, cases):
    assert load_problem(listing(cases, content, name)).forget.ids.tolist() == [4, 50, 159]


def test_two_rows_are_no_mask(cases):
    assert load_problem(listing(cases, np.array([0, 1]))).forget.ids.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (
            MARKED[:150],
            "forget.npy",
            "is a mask of 150, expected one over the 200 rows of the source or the 160",
        ),
        (
            MARKED[:150].astype(int),
            "forget.npy",
            r"has the two values 0 and 1 in 150 places, expected a mask of 0 and 1 over",
        ),
        (MARKED.astype(int) * 255, "forget.npy", "has the two values 0 and 255 in 200 places"),
        (MARKED[:160] * 2 - 1, "forget.npy", "has the two values -1 and 1 in 160 places"),
        ("40a\n41\n", "forget.txt", "'40a' is neither a whole number nor the name of a row"),
        ("[40]\n41\n", "forget.txt", r"'\[40\]' is neither a whole number"),
        ("3.pgn\n41\n", "forget.txt", r"'3\.pgn' is neither a whole number"),
        ("40", "forget.npz", r"is a \.npz file, expected an array in a \.npy file, or text; save"),
        ("40", "forget.pt", r"is a \.pt file, expected"),
        (np.array([5, 6, 5]), "forget.npy", r"lists 1 \(5\) of 2 rows more than once"),
        (np.array([5, -1]), "forget.npy", "lists -1, expected rows from 0 to 199"),
        (np.array([5, 200]), "forget.npy", "lists 200, expected rows from 0 to 199"),
        (np.array([5, 190, 191]), "forget.npy", r"lists row 190, which is not in train \(as 1 more\)"),
        (np.array([1.5, 2]), "forget.npy", "something other than whole numbers"),
        (np.array([np.nan, 2]), "forget.npy", "something other than whole numbers"),
        (np.array([[1, 2], [3, 4]]), "forget.npy", r"it has the shape \(2, 2\), which is not a list"),
        (np.array(3), "forget.npy", r"it has the shape \(\)"),
        ("0,5\n1,6\n", "forget.csv", "it has several columns"),
        ("anna\nben\n", "forget.txt", "'anna' is neither a whole number nor the name of a row"),
        ("", "forget.txt", "the forget set has 0 of 160"),
    ],
)
@pytest.mark.seconds
def test_a_list_that_is_none_is_one_sentence(content, name, sentence, cases, data_check):
    scenario = listing(cases, content, name)
    with pytest.raises(BenchError, match=sentence) as caught:
        load_problem(scenario)
    assert "\n" not in str(caught.value)
    assert data_check(cases.root / "case.toml").status == 2


@pytest.mark.seconds
def test_pictures_to_forget_can_be_listed_by_name(cases):
    cases.classes("pictures")
    for part in ("test", "train"):
        cases.classes(f"split/{part}")
    (cases.root / "pictures").rename(cases.root / "unused")
    (cases.root / "split").rename(cases.root / "pictures")
    (cases.root / "forget.txt").write_text("train/b/7.png\ntrain/a/0.png\n")
    facts = problem_facts(load_scenario(str(cases.folder('kind = "indices"\nfile = "forget.txt"'))))
    assert facts.forget_classes == {"a": 1, "b": 1}
    (cases.root / "forget.txt").write_text("train/b/7.pg\n")
    with pytest.raises(BenchError, match=r"'train/b/7\.pg' is neither .* \(did you mean 'train/b/\d+\.png'\?\)"):
        load_problem(load_scenario(str(cases.folder('kind = "indices"\nfile = "forget.txt"'))))


def test_an_object_array_is_not_loaded(cases):
    scenario = listing(cases, np.array([True, None], dtype=object))
    with pytest.raises(BenchError, match="it holds Python objects, which are not loaded: save it with"):
        load_problem(scenario)


def manifest_forgetting(cases, lines, content):
    """The scenario of a manifest of these lines, with a forget set of this text."""
    for i in range(40):
        cases.picture(f"pictures/{i}.png")
    path = cases.manifest("\n".join(["path,label,split", *lines]), 'kind = "indices"\nfile = "forget.txt"')
    for folder in (cases.root, cases.root / "pictures"):
        (folder / "forget.txt").write_text(content)
    return load_scenario(str(path))


PICTURES = [f"{i}.png,{'ab'[i % 2]},{'train' if i < 28 else 'val' if i < 34 else 'test'}" for i in range(40)]


def test_a_picture_on_two_lines_is_forgotten_twice(cases):
    scenario = manifest_forgetting(cases, [*PICTURES, "3.png,b,train"], "file\n3.png\n4.png")
    assert sorted(load_problem(scenario).forget.ids.tolist()) == [3, 4, 40]


def test_a_picture_in_train_and_test_cannot_be_forgotten_by_name(cases):
    scenario = manifest_forgetting(cases, [*PICTURES, "3.png,b,test"], "3.png")
    with pytest.raises(BenchError, match=r"lists '3\.png', which is the name of 2 rows, 1 of them in train"):
        load_problem(scenario)


def test_a_mistyped_first_name_is_no_heading(cases):
    scenario = manifest_forgetting(cases, PICTURES, "3.pgn\n4.png\n5.png")
    with pytest.raises(BenchError, match=r"'3\.pgn' is neither .* \(did you mean '3\.png'\?\)"):
        load_problem(scenario)


def test_a_name_may_begin_as_a_comment_does(cases):
    cases.picture("pictures/#1.png")
    scenario = manifest_forgetting(cases, [*PICTURES, "#1.png,a,train"], "# two\n#1.png\n4.png")
    assert sorted(load_problem(scenario).forget.ids.tolist()) == [4, 40]


@pytest.mark.parametrize(
    ("forget", "sentence"),
    [
        ('kind = "class"\nclasses = ["Cat"]', r"forget\.classes has 'Cat', .* \(did you mean 'cat'\?\)"),
        ('kind = "class"\nclasses = ["3"]', r"forget\.classes has '3', which has examples .* but none in train"),
        ('kind = "subject"\nsubjects = ["anne"]', r"forget\.subjects has 'anne', .* \(did you mean 'anna'\?\)"),
        ('kind = "subject"\nsubjects = ["zoe"]', r"forget\.subjects has 'zoe', which has examples .* none in train"),
    ],
)
def test_names_that_are_not_in_train_are_refused(forget, sentence, cases, data_check):
    targets = np.where(made.PARTS == "test", "3", np.where(made.LABELS == 1, "cat", "dog"))
    targets[181:] = "dog"
    subjects = np.where(made.PARTS == "test", "zoe", np.where(made.LABELS > 1, "anna", "ben"))
    path = cases.arrays(forget, inputs=made.FEATURES, targets=targets, subjects=subjects, split=made.PARTS)
    with pytest.raises(BenchError, match=sentence):
        load_problem(load_scenario(str(path)))
    assert data_check(path).status == 2


@pytest.mark.parametrize("written", ["1", "1.0"])
def test_a_class_that_is_a_float_goes_by_its_whole_number(written, cases):
    path = cases.arrays(f'kind = "class"\nclasses = ["{written}"]', **{**SPLIT, "targets": made.LABELS.astype(float)})
    assert problem_facts(load_scenario(str(path))).forget_classes == {"1": 40}


def test_the_forget_sets_make_up_is_said(cases, data_check):
    subjects = np.array([f"s{i % 20}" for i in range(200)])
    path = cases.arrays('kind = "subject"\nsubjects = ["s3", "s4"]', **SPLIT, subjects=subjects)
    facts = problem_facts(load_scenario(str(path)))
    assert facts.forget_sentence == (
        "16 of 160 training examples are to be forgotten, of 2 of 4 classes (0: 8, 3: 8), of 2 of 20 subjects "
        "(s3: 8, s4: 8), 4 more examples of these subjects are in retain, validation and test"
    )
    assert facts.forget_sentence in data_check(path).out


def twice(cases, targets=made.LABELS, keys=""):
    """Arrays with the rows 40 in forget, 41 and 170 the same, 42 and 43, and 190 as 5."""
    features = made.FEATURES.copy()
    features[[41, 170]], features[43], features[190] = features[40], features[42], features[5]
    np.savez(cases.root / "case.npz", inputs=features, targets=targets, split=made.PARTS)
    np.save(cases.root / "forget.npy", np.array([40, 42, 43]))
    return cases.scenario("npz", f'source = "npz"\nfile = "case.npz"\n{keys}', 'kind = "indices"\nfile = "forget.npy"')


def test_exact_duplicates_are_counted_and_named(cases, data_check):
    path = twice(cases)
    facts = problem_facts(load_scenario(str(path)))
    assert facts.duplicates.pairs == {"retain, forget": 1, "retain, validation": 1, "retain, test": 1,
                                      "forget, validation": 1, "forget": 1}  # fmt: skip
    assert facts.duplicates.first[0] == "row 41 (retain) = row 40 (forget)"
    assert facts.duplicates.conflicting == 3 + 2 + 2
    (footnote,) = facts.footnotes
    assert footnote.startswith("exact duplicates across the sets: 1 in retain and forget; ")
    assert footnote in data_check(path).out


def test_duplicates_can_be_dropped(cases):
    targets = np.where(np.isin(np.arange(200), [40, 41, 170, 43]), 2, made.LABELS)  # 5 and 190 keep two labels
    path = twice(cases, targets, 'duplicates = "drop"')
    np.save(cases.root / "forget.npy", np.array([40, 50]))
    scenario = load_scenario(str(path))
    problem, facts = load_problem(scenario), problem_facts(scenario)
    assert problem.forget.ids.tolist() == [40, 50]
    kept = {row for part in (problem.train, problem.validation, problem.test) for row in part.ids.tolist()}
    assert set(range(200)) - kept == {41, 170, 43, 5, 190}
    assert not facts.duplicates.pairs
    assert facts.left_out == (
        "left out 3 (row 41, row 170, row 43): exactly the same as an earlier example",
        "left out 2 (row 5, row 190): exactly the same as others, with another label",
    )


def test_without_the_option_the_hash_is_the_same(cases):
    path = twice(cases)
    scenario = load_scenario(str(path))
    assert "duplicates" not in scenario.model_dump(exclude_none=True)["data"]


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (
            "True\n40\n",
            "forget.txt",
            "line 2 has '40', a number, but line 1 has 'True', a truth value; write",
        ),
        ("True 40", "forget.txt", "line 1 has '40', a number, but line 1 has 'True', a truth value"),
        ("# both\n\n1\n40\nfalse\n", "forget.txt", "line 5 has 'false', a truth value, but line 3 has '1', a number"),
        ("yes\n40\n", "forget.txt", "line 2 has '40', a number, but line 1 has 'yes', a truth value"),
        ("rows\n1\nno\n", "forget.csv", "line 3 has 'no', a truth value, but line 2 has '1', a number"),
        ("1 40\n2", "forget.txt", r"it has several columns \(line 1\), of which nobody knows the right one"),
        ("4\n5;6\n", "forget.csv", r"it has several columns \(line 2\)"),
        ("4\n5\nsix\n", "forget.txt", "in line 3 'six' is neither a whole number nor the name of a row"),
        (np.array(["4", "True"]), "forget.npy", "entry 1 has 'True', a truth value, but entry 0 has '4', a number"),
    ],
)
def test_a_list_of_several_forms_is_refused_with_its_line(content, name, sentence, cases, data_check):
    scenario = listing(cases, content, name)
    with pytest.raises(BenchError, match=sentence):
        load_problem(scenario)
    assert data_check(cases.root / "case.toml").status == 2


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("1 40", [1, 40]),
        ("\n".join(np.where(MARKED, "yes", "no").tolist()), [4, 50, 159]),
        ("forget\n" + "\n".join(np.where(MARKED, "Yes", "NO").tolist()), [4, 50, 159]),
    ],
)
def test_rows_in_a_line_and_words_of_truth(content, rows, cases):
    assert load_problem(listing(cases, content, "forget.txt")).forget.ids.tolist() == rows


def test_names_and_numbers_together_are_refused(cases):
    with pytest.raises(BenchError, match=r"line 2 has '4', a number, but line 1 has '3\.png', the name of a row"):
        load_problem(manifest_forgetting(cases, PICTURES, "3.png\n4\n"))


def dropping(cases, inputs, targets, forget='kind = "random"\nsize = 5\nseed = 0', **arrays):
    """The scenario file of arrays of which duplicates are dropped."""
    np.savez(cases.root / "case.npz", inputs=inputs, targets=targets, **arrays)
    return cases.scenario("npz", 'source = "npz"\nfile = "case.npz"\nduplicates = "drop"', forget)


ALIKE = np.repeat(made.FEATURES[:100], 2, axis=0)  # each row twice
OFTEN = np.where(np.arange(200) < 40, np.arange(200) % 2, 2 + np.arange(200) // 2 % 2)  # 0 and 1 always together
BEGAN = "data.duplicates is 'drop', which takes out"


@pytest.mark.parametrize(
    ("inputs", "targets", "arrays", "sentence"),
    [
        (ALIKE, np.arange(200) % 2, {}, f"{BEGAN} 200 of 200 examples and leaves none, expected examples of two clas"),
        (ALIKE, np.where(OFTEN > 1, 2, OFTEN), {}, f"{BEGAN} 120 of 200 examples and leaves only the class 2"),
        (np.zeros((200, 3)), np.zeros(200, int), {}, f"{BEGAN} 199 of 200 examples and leaves only the class 0"),
        (
            np.concatenate([made.FEATURES[:180], made.FEATURES[:20]]),
            np.arange(200) // 10 % 2,
            {"split": np.array(["train"] * 180 + ["test"] * 20)},
            f"{BEGAN} 20 of 200 examples and leaves none of the 20 of the test part, expected some in each part",
        ),
    ],
)
def test_duplicates_may_not_take_everything(inputs, targets, arrays, sentence, cases, data_check):
    path = dropping(cases, inputs, targets, **arrays)
    with pytest.raises(BenchError, match=f"{sentence}.*; take out data.duplicates, or correct the data"):
        load_problem(load_scenario(str(path)))
    assert data_check(path).status == 2


def test_a_class_that_duplicates_take_is_said(cases):
    facts = problem_facts(load_scenario(str(dropping(cases, ALIKE, OFTEN))))
    assert facts.left_out[-1] == "no example is left of the classes 0, 1, whose inputs all occur with another label"


@pytest.mark.parametrize(
    ("forget", "sentence"),
    [
        ('kind = "class"\nclasses = ["2", "1"]', "forget.classes has '1', of which data.duplicates = 'drop' leaves"),
        (
            'kind = "subject"\nsubjects = ["p3"]',
            "forget.subjects has 'p3', of which data.duplicates = 'drop' leaves",
        ),
        ('kind = "indices"\nfile = "rows.txt"', r"lists 2 \(3, 51\) that data.duplicates = 'drop' takes out, expected"),
    ],
)
def test_what_is_to_be_forgotten_may_not_be_dropped(forget, sentence, cases, data_check):
    (cases.root / "rows.txt").write_text("3\n50\n51\n")
    path = dropping(cases, ALIKE, OFTEN, forget, subjects=np.array([f"p{i // 10}" for i in range(200)]))
    with pytest.raises(BenchError, match=sentence):
        load_problem(load_scenario(str(path)))
    assert data_check(path).status == 2
