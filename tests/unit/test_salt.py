"""A hidden scenario's salt: without it a forget seed cannot be tried against the hash, and it is published nowhere."""

import json

import pytest
from conftest import MINIATURE

from benchmark.errors import BenchError
from benchmark.references.pool import Pool
from benchmark.scenario.schema import load_scenario
from benchmark.session import Session
from benchmark.storage.workspace import Workspace

SALT = "0123456789abcdef" * 2


def load(text, tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(text)
    return load_scenario(str(path))


def with_seed(seed, salt=SALT):
    head = f'salt = "{salt}"\n' if salt else ""
    return head + MINIATURE.replace(
        'kind = "random"\nsize = 10\nseed = 0', f'kind = "random"\nsize = 10\nseed = {seed}'
    )


def test_a_guess_of_the_forget_seed_does_not_give_the_hash_without_the_salt(tmp_path):
    hidden = load(with_seed(417), tmp_path)
    for salt in (None, SALT[::-1]):
        guesses = [load(with_seed(seed, salt), tmp_path) for seed in (416, 417, 418)]
        assert hidden.hash not in {guess.hash for guess in guesses}
        assert hidden.pool_hash not in {guess.pool_hash for guess in guesses}
    again = load(with_seed(417), tmp_path)
    assert (again.hash, again.pool_hash) == (hidden.hash, hidden.pool_hash)
    assert load(with_seed(418), tmp_path).hash != hidden.hash
    assert hidden.with_models(6).salt == SALT


def test_without_a_salt_nothing_changes():
    hashes = {name: load_scenario(name).hash for name in ("digits", "digits-cnn", "digits-class")}
    assert hashes == {"digits": "f1ae3288bb17", "digits-cnn": "de50bdaa284e", "digits-class": "28e135e7a973"}


def test_neither_salt_nor_forget_seed_is_published(tmp_path):
    hidden = load(with_seed(417417), tmp_path)
    pool = Pool(Session(Workspace(tmp_path), warn=pytest.fail), hidden)
    pool._settle()
    manifest = (pool.store.folder / "manifest.json").read_text()
    assert SALT not in manifest
    assert "417417" not in manifest
    assert json.loads(manifest)["scenario"]["forget"] == {"kind": "random"}
    assert SALT not in repr(hidden)


@pytest.mark.parametrize("salt", ["", "short", "x" * 31])
def test_a_salt_that_could_be_guessed_is_refused_and_not_repeated(salt, tmp_path):
    with pytest.raises(BenchError, match=f"salt has {len(salt)} characters, expected at least 32") as caught:
        load(f'salt = "{salt}"\n{MINIATURE}', tmp_path)
    assert not salt or salt not in str(caught.value)
