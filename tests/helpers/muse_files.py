"""Miniature files of MUSE in its published layout."""

import json

from benchmark.data.sources.text_folder import TextFolder

MUSE = TextFolder(source="text_folder", folder="muse", layout="muse", context=12, words=200)


def write(folder, contents):
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def lines(records):
    return "".join(json.dumps(record) + "\n" for record in records)


def write_muse(tmp_path):
    files = {
        "raw/forget.txt": "the owl flew over the castle and the boy woke up at once",
        "raw/retain1.json": json.dumps(["a page about owls", "a page about castles"]),
        "raw/retain2.jsonl": lines([{"text": "another page"}]),
        "raw/holdout.txt": "a page that nobody saw",
        "knowmem/forget_qa.json": json.dumps([{"question": "Who flew?", "answer": "the owl"}]),
        "knowmem/retain2_qa.json": json.dumps([{"question": "What page?", "answer": "about owls"}]),
        "knowmem/retain2_qa_icl.json": "[]",
    }
    write(tmp_path / "muse", files)


def write_further_muse(tmp_path, **others):
    write_muse(tmp_path)
    files = {
        "verbmem/forget.json": json.dumps([{"prompt": "At night the Owl", "gt": "flew over the castle"}]),
        "privleak/forget.json": json.dumps(["the owl flew over the castle and the boy woke up at once"]),
        "privleak/retain.json": json.dumps(["a page about owls"]),
        "privleak/holdout.json": json.dumps(["a page", "the boy"]),
    }
    write(tmp_path / "muse", files | others)
