import os
import tomllib

import pytest
from conftest import MINIATURE

from benchmark.errors import BenchError
from benchmark.scenario.schema import load_scenario, scenario_names


def load(text, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return load_scenario(str(path))


def test_shipped_scenarios_are_what_the_protocol_says():
    assert {"digits", "digits-cnn"} <= set(scenario_names())
    digits, cnn = load_scenario("digits"), load_scenario("digits-cnn")
    assert (digits.protocol.models, cnn.protocol.models) == (512, 256)
    assert (digits.data.train, digits.data.validation, digits.data.test, digits.forget.size) == (1000, 200, 597, 50)
    assert digits.originals == 512
    assert digits.recipe == cnn.recipe
    assert (digits.architecture.widths, digits.recipe.epochs, digits.recipe.batch_size) == ((64,), 30, 64)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("epochs = 4", "epochs = 0", r"recipe\.epochs is 0, expected greater than or equal to 1"),
        ("epochs = 4", 'epochs = "4"', r"recipe\.epochs is '4', expected integer"),
        ("epochs = 4", "epochs = 4\nepoch = 3", r"recipe\.epoch is not a key .* accepted here: .*epochs"),
        ("epochs = 4", "", r"recipe\.epochs is missing"),
        (
            'source = "digits"',
            'source = "cifar"',
            r"data\.source is 'cifar', expected 'breast_cancer', .* or '\w+' \(did you mean 'cifar10'\?\)$",
        ),
        ('source = "digits"\n', "", r"data\.source is missing; add it"),
        ("train = 200\n", "", r"data\.train is missing; add it"),
        ("train = 200", "train = 0", r"data\.train is 0, expected greater than or equal to 1"),
        (
            "train = 200",
            "train = 200\nsize = 3",
            r"data\.size is not a key .* accepted here: source, train, validation, test, seed",
        ),
        ('kind = "random"', 'kind = "lines"', r"forget\.kind is 'lines', expected 'class', .* or 'worst-case'"),
        ('kind = "random"\nsize = 10', 'kind = "class"\nclasses = [3]', r"forget\.classes\.0 is 3, expected string"),
        ('kind = "random"\nsize = 10\nseed = 0', 'kind = "subject"', r"one of subjects \(names\) and count"),
        ('kind = "random"\nsize = 10', 'kind = "subject"\nsubjects = ["a"]', r"forget\.seed is for forget\.count"),
        ('name = "mlp"', 'name = "torchvision"', r"architecture\.model is missing"),
        (
            'name = "mlp"\nwidths = [16]',
            'name = "torchvision"\nmodel = "resnet18"\nwidths = [16]',
            r"widths is not a key",
        ),
        ('name = "mlp"\nwidths = [16]', 'name = "file"\nfile = "net.py"', r"architecture\.file is 'net\.py', expected"),
        ("epochs = 4", 'epochs = 4\naugmentation = ["blur"]', r"augmentation\.0 is 'blur', expected 'crop' or 'flip'"),
        ("learning_rate = 0.1", "learning_rate = nan", r"recipe\.learning_rate is .*expected"),
        ("[protocol]", "[protocol]\noriginals = 9", r"originals is 9, expected at most models \(8\)"),
        ("size = 10", "size = 200", r"forget\.size is 200, expected less than data\.train \(200\)"),
        ('optimizer = "sgd"', 'optimizer = "adam"', r"momentum is 0\.9, expected none"),
        ('name = "miniature"', 'name = "../up"', r"name is '\.\./up', expected"),
        ("[data]", "[data", r"could not be read as TOML"),
        (
            "batch_size = 32",
            f"batch_size = 1{'0' * 30}",
            r"recipe\.batch_size is 10{30}, expected less than or equal to",
        ),
        ("batch_size = 32", f"batch_size = 1{'0' * 5000}", r"could not be read as TOML: Exceeds the limit"),
        ("batch_size = 32", f"batch_size = 0x{'f' * 5000}", r"could not be read: Exceeds the limit"),
        (
            "epochs = 4",
            "epochs = 1_000_000_000",
            r"recipe\.epochs is 1000000000, expected less than or equal to 1000000",
        ),
        ("epochs = 4", "epochs = 1979-05-27", r"recipe\.epochs is '1979-05-27', expected integer"),
        ("epochs = 4", "epochs = 07:32:00", r"recipe\.epochs is '07:32:00', expected integer"),
        ("epochs = 4", "epochs = inf", r"recipe\.epochs is inf, expected"),
        ("widths = [16]", f"widths = [1{'0' * 12}]", r"architecture\.widths\.0 is 1000000000000, expected less"),
        (
            "widths = [16]",
            f"widths = {[4] * 2000}",
            r"architecture\.widths is \[4, 4, .*…, expected .* at most 1000 items",
        ),
        ("timeout = 20.0", "timeout = 1e300", r"protocol\.timeout is 1e\+300, expected less than or equal to 1000000"),
        ("timeout = 20.0", "timeout = 20.0\nmemory = 1e300", r"protocol\.memory is 1e\+300, expected less"),
        ("learning_rate = 0.1", "learning_rate = 1e300", r"recipe\.learning_rate is 1e\+300, expected less"),
        ("weight_decay = 5e-4", "weight_decay = 1e300", r"recipe\.weight_decay is 1e\+300, expected less"),
        ("models = 8", f"models = 1{'0' * 20}", r"protocol\.models is 1000+, expected less"),
        ("block = 4", f"block = 1{'0' * 20}", r"protocol\.block is 1000+, expected less"),
        ("seed = 0", f"seed = {2**63}", r"data\.seed is 9223372036854775808, expected less than 9223372036854775808"),
        ('name = "miniature"', f'name = "{"m" * 300}"', r"name is 'mmm+…, expected at most 100 characters"),
        ('"The digits, small enough for a test."', f'"{"d" * 20_000}"', r"description is 'ddd+…, expected at most"),
        ("[data]", f"base = {'[' * 2000}{']' * 2000}\n[data]", r"nested too deeply|no scenario"),
        ("epochs = 4", '"epochs\\n\\u001b[2J" = 4\nepochs = 4', r"recipe\.epochs\?\?\[2J is not a key"),
        (
            'kind = "random"\nsize = 10\nseed = 0',
            'kind = "indices"\nfile = "a\\u0000b"',
            r"the path 'a\\x00b' can be no file's",
        ),
        (
            'kind = "random"\nsize = 10\nseed = 0',
            f'kind = "indices"\nfile = "{"é" * 200}"',
            r"the path 'éé+… can be no file's, expected names of at most 255 bytes",
        ),
    ],
)
def test_a_wrong_file_gets_one_sentence_that_names_the_key(old, new, sentence, tmp_path):
    with pytest.raises(BenchError, match=sentence) as caught:
        load(MINIATURE.replace(old, new, 1), tmp_path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600
    assert "mine.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("base", "said"), [('["digits"]', r"\['digits'\]"), ('"miniature"', "'miniature'"), ("3", "3")]
)
def test_a_scenario_starts_from_nothing_but_a_shipped_one(base, said, tmp_path):
    with pytest.raises(BenchError, match=rf"there is no scenario {said}; name one of .* as base"):
        load(f"base = {base}\n{MINIATURE}", tmp_path)


@pytest.mark.parametrize("kind", ["folder", "pipe", "device", "huge", "latin-1", "NUL", "long"])
def test_what_is_no_scenario_file_is_one_sentence(kind, tmp_path):
    path = tmp_path / "mine.toml"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "huge":
        path.write_bytes(b"#" * (1 << 23))
    elif kind == "latin-1":
        path.write_bytes("name = 'é'".encode("latin-1"))
    name = {"NUL": "a\0b.toml", "long": f"{'m' * 400}.toml"}.get(kind, str(path))
    with pytest.raises(BenchError, match=r"could not be read as TOML: .*; expected a scenario file") as caught:
        load_scenario(name)
    assert str(caught.value).isprintable()


def test_a_network_file_that_is_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "net.py")
    with pytest.raises(BenchError, match=r"could not be read: it is no regular file; give path.py:function"):
        load(MINIATURE.replace('name = "mlp"\nwidths = [16]', 'name = "file"\nfile = "net.py:build"'), tmp_path)


def test_unknown_names_are_answered_with_the_known_ones(tmp_path):
    with pytest.raises(BenchError, match=r"no scenario 'digit' \(did you mean 'digits'\?\); name one of .*digits"):
        load_scenario("digit")
    with pytest.raises(BenchError, match="no scenario file"):
        load_scenario(str(tmp_path / "none.toml"))


def test_a_file_may_start_from_a_shipped_scenario(tmp_path):
    mine = load(
        """
        base = "breast-cancer"
        name = "mine"
        [forget]
        kind = "subject"
        subjects = ["3", "5"]
        [recipe]
        epochs = 7
        """,
        tmp_path,
    )
    base = load_scenario("breast-cancer")
    assert mine.recipe == base.recipe.model_copy(update={"epochs": 7})
    assert (mine.name, mine.forget.subjects) == ("mine", ("3", "5"))
    assert (mine.data, mine.architecture, mine.protocol) == (base.data, base.architecture, base.protocol)
    assert load('base = "breast-cancer"', tmp_path).hash == base.hash
    with pytest.raises(BenchError, match=r"no scenario 'cifar' .*; name one of .* as base"):
        load('base = "cifar"', tmp_path)


def test_the_hash_is_of_the_content_alone(tmp_path):
    first = load(MINIATURE, tmp_path)
    renamed = load(MINIATURE.replace('name = "miniature"', 'name = "other"').replace("for a test", "indeed"), tmp_path)
    assert renamed.hash == first.hash
    for old, new in (("delta = 1e-5", "delta = 1e-4"), ("models = 8", "models = 9"), ("seed = 0", "seed = 1")):
        assert load(MINIATURE.replace(old, new, 1), tmp_path).hash != first.hash


def test_what_later_versions_add_leaves_old_pools_alone():
    """The digits' models are those of the first version, to the bit: their seeds come from these hashes."""
    assert load_scenario("digits").pool_hash == "a830a7dbd6be"
    assert load_scenario("digits-cnn").pool_hash == "b5194ab3e447"
    assert load_scenario("people").hash == "828e2e75c04e"
    assert load_scenario("people-experts").hash == "1b116009edd0"


def test_every_section_is_in_the_hash_of_the_pool(tmp_path):
    first = load(MINIATURE, tmp_path)
    for old, new in (
        ("seed = 0\n[forget]", "seed = 1\n[forget]"),
        ('kind = "random"\nsize = 10\nseed = 0', 'kind = "class"\nclasses = ["3"]'),
        ('name = "mlp"\nwidths = [16]', 'name = "torchvision"\nmodel = "resnet18"'),
        ("epochs = 4", 'epochs = 4\naugmentation = ["flip"]'),
    ):
        assert load(MINIATURE.replace(old, new, 1), tmp_path).pool_hash != first.pool_hash


def test_the_pool_is_shared_by_scenarios_that_train_the_same_models(miniature, tmp_path):
    assert miniature.with_models(6).pool_hash == miniature.pool_hash
    assert miniature.with_models(6).hash != miniature.hash
    assert load(MINIATURE.replace("epochs = 4", "epochs = 5"), tmp_path).pool_hash != miniature.pool_hash


def test_seeds_differ_between_roles_and_indices_and_nothing_else(miniature):
    seeds = {miniature.seed(role, index) for role in ("original", "retrained") for index in range(100)}
    assert len(seeds) == 200
    assert miniature.seed("original", 3) == miniature.with_models(6).seed("original", 3)


def test_blocks_are_whole_whatever_n_is(miniature):
    assert list(miniature.blocks(8)) == [0, 1]
    assert list(miniature.blocks(9)) == [0, 1, 2]
    assert list(miniature.indices(1)) == [4, 5, 6, 7]


def test_another_number_of_models_keeps_everything_else(tmp_path):
    for name in scenario_names():
        scenario = load_scenario(name)
        assert scenario.with_models(8).with_models(scenario.protocol.models) == scenario


def test_an_impossible_number_of_models_is_refused(miniature):
    with pytest.raises(BenchError, match=r"protocol\.models is 3, expected"):
        miniature.with_models(3)


def test_every_shipped_file_is_toml_with_a_name_of_its_own():
    from benchmark.scenario.schema import SHIPPED

    for path in SHIPPED.glob("*.toml"):
        assert tomllib.loads(path.read_text())["name"] == path.stem
