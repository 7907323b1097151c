"""MUSE's files in parquet, as the hub has them: the same as in JSON, with pyarrow and without."""

import pandas as pd
import pytest
from muse_files import MUSE, write_further_muse

from benchmark.data.reading.text_files import read_records, read_text
from benchmark.errors import BenchError


def as_parquet(tmp_path, monkeypatch):
    """Put MUSE's files as huggingface.co has them, two of them in parts; only their reading is replaced."""
    write_further_muse(tmp_path)
    muse, tables = tmp_path / "muse", {}
    columns = {"raw": ["text"], "privleak": ["text"], "knowmem": ["answer", "question"], "verbmem": ["prompt", "gt"]}
    for path in sorted(path for path in muse.rglob("*") if path.is_file()):
        records = [read_text(path)] if path.suffix == ".txt" else [record for _, record in read_records(path)]
        records = [record if isinstance(record, dict) else {"text": record} for record in records]
        parts = 2 if path.stem in ("retain1", "holdout") and len(records) == 2 else 1
        for part in range(parts):
            name = f"{path.stem}-{part:05d}-of-{parts:05d}.parquet"
            tables[path.parent / name] = pd.DataFrame(records[part::parts], columns=columns[path.parent.name])
        path.unlink()
    for path, table in tables.items():
        path.write_bytes(b"PAR1" + table.to_json().encode())
    monkeypatch.setattr(pd, "read_parquet", lambda path, columns=None: tables[path])
    return muse


def test_files_of_muse_are_the_same_from_the_tables_that_parquet_holds(tmp_path, monkeypatch):
    write_further_muse(tmp_path / "json")
    expected = MUSE.load(tmp_path / "json")
    muse = as_parquet(tmp_path, monkeypatch)
    found = MUSE.load(tmp_path)
    assert found.inputs.equal(expected.inputs)
    assert (found.names, found.vocabulary, found.topic_names) == (
        expected.names,
        expected.vocabulary,
        expected.topic_names,
    )
    named = [found.subject_names[code] for code in found.subjects]
    assert named == [
        "forget 1",
        "forget 1",
        "retain1 1",
        "retain1 2",
        "retain2 1",
        "holdout 1",
        "forget_qa",
        "retain_qa",
    ]
    for own, other in zip(found.inquiries, expected.inquiries, strict=True):
        assert (own is None) == (other is None)
        assert own is None or own.inputs.equal(other.inputs)
    assert len(MUSE.files(tmp_path)) == 11
    (muse / "raw" / "retain1-00001-of-00002.parquet").unlink()
    with pytest.raises(BenchError, match=r"raw has retain1-00000-of-00002.parquet, expected all parts of one release"):
        MUSE.load(tmp_path)


def test_files_of_muse_are_the_same_from_parquet(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    with monkeypatch.context() as patch:
        muse = as_parquet(tmp_path, patch)
        expected = MUSE.load(tmp_path)
        tables = {path: pd.read_parquet(path) for path in muse.rglob("*.parquet")}
    for path, table in tables.items():
        table.to_parquet(path)
    found = MUSE.load(tmp_path)
    assert (found.names, found.inputs.tolist()) == (expected.names, expected.inputs.tolist())
    (muse / "raw" / "forget-00000-of-00001.parquet").write_bytes(b"PAR1, but no more")
    with pytest.raises(BenchError, match=r"forget-00000-of-00001.parquet is no parquet file \(.*\), expected one"):
        MUSE.load(tmp_path)


def test_parquet_of_muse_without_pyarrow_is_one_sentence(tmp_path, monkeypatch):
    as_parquet(tmp_path, monkeypatch)

    def none(path, columns):
        raise ImportError("Missing optional dependency 'pyarrow'.")

    monkeypatch.setattr(pd, "read_parquet", none)
    with pytest.raises(BenchError, match=r"parquet needs pyarrow to be read; install it with `pip install pyarrow`"):
        MUSE.load(tmp_path)
