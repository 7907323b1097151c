"""Texts in files: one's own, TOFU's and MUSE's layout, Debian's fortunes, vocabularies, and what is refused."""

import numpy as np
import pytest
from muse_files import MUSE, lines, write, write_further_muse, write_muse

from benchmark.data.reading import verbatim
from benchmark.data.reading.examples import fault_of_examples
from benchmark.data.reading.parts import TEST, TRAIN, VALIDATION
from benchmark.data.reading.text_folder import cut
from benchmark.data.reading.tokens import UNKNOWN, plain_words, word_coding
from benchmark.data.sources.text_folder import TextFolder
from benchmark.data.sources.verbatim import Verbatim
from benchmark.data.splits import split_by_shares
from benchmark.errors import BenchError
from benchmark.tasks.language import IGNORED, PAD, SPECIAL, Language

OWN = TextFolder(source="text_folder", folder="texts", context=8, words=100, validation=0.2, test=0.2)
TOFU = TextFolder(source="text_folder", folder="tofu", layout="tofu", split="forget10", context=24, words=200)
VERBATIM = Verbatim(source="verbatim", longest=32, prompt=3, words=200, holdout=3, validation=0.3, test=0.3)


def questions(first, last):
    return [
        {"question": f"What did author {n // 20} write in {n}?", "answer": f"Book {n}."} for n in range(first, last)
    ]


def write_own(tmp_path):
    files = {
        "ada.txt": "One two THREE.\n\nfour five six seven eight nine ten\n",
        "ben/1.txt": "\ufefffirst",
        "ben/deep/2.txt": "second",
        "notes.md": "no text",
    }
    write(tmp_path / "texts", files)


def write_tofu(tmp_path):
    files = {"full.json": (0, 60), "forget10.json": (40, 60), "retain90.json": (0, 40)}
    write(tmp_path / "tofu", {name: lines(questions(*rows)) for name, rows in files.items()})


def test_own_texts_are_cut_into_passages_of_a_subject_per_file_or_folder(tmp_path):
    write_own(tmp_path)
    found = OWN.load(tmp_path)
    assert found.names == ("one two three .", "four five six seven", "eight nine ten", "first", "second")
    assert [found.subject_names[code] for code in found.subjects] == ["ada", "ada", "ada", "ben", "ben"]
    assert found.inputs.shape[1] < 8
    assert sorted(found.assignment.tolist()) == [TRAIN] * 3 + [VALIDATION, TEST]
    assert found.topics is None
    assert found.left_out == ("left out 1 (notes.md): no .txt files",)
    assert set(OWN.files(tmp_path)) == {"ada.txt", "ben/1.txt", "ben/deep/2.txt"}
    assert fault_of_examples(found) == ""
    with pytest.raises(BenchError, match=r"data\.validation is 0\.05, which is 0 of 5 examples"):
        OWN.model_copy(update={"validation": 0.05}).load(tmp_path)


def test_files_of_tofu_are_read_in_their_layout(tmp_path):
    write_tofu(tmp_path)
    found = TOFU.load(tmp_path)
    assert len(found) == 60
    assert found.names[41] == "what did author 2 write in 41 ? ? book 41 ."
    assert found.subject_names == ("author 1", "author 2", "author 3")
    assert found.subjects.tolist() == [0] * 20 + [1] * 20 + [2] * 20
    assert [found.topic_names[code] for code in found.topics] == ["retain"] * 40 + ["forget"] * 20
    assert found.left_out[0].startswith("left out 1 (retain90.json): only full.json, forget10.json, its perturbed")
    assert found.inquiries.rephrased is None


def test_perturbed_answers_of_tofu_are_what_models_are_asked_too(tmp_path):
    perturbed = [
        record | {"paraphrased_answer": "The " + record["answer"], "perturbed_answer": [f"Poem {n}." for n in range(5)]}
        for record in questions(40, 60)
    ]
    perturbed[0]["paraphrased_question"] = "What did author 2 write?"
    files = {"full.json": lines(questions(0, 60)), "forget10.json": lines(questions(40, 60))}
    write(tmp_path / "tofu", files | {"forget10_perturbed.json": lines(perturbed)})
    found = TOFU.load(tmp_path)
    asked = found.inquiries.rephrased.inputs
    words = [" ".join(found.vocabulary[token] for token in tokens.tolist() if token) for tokens in asked[41]]
    assert "<sep>" in (first := [found.vocabulary[token] for token in asked[40, 0].tolist()])
    assert first[:7] == ["<bos>", "what", "did", "author", "2", "write", "?"]
    assert words[0].startswith("<bos> what did author 2 write in ")
    assert words[0].endswith(" ? <sep> <unk> book 41 .")  # "the" is in no answer that is trained on
    assert words[1].endswith(" ? <sep> <unk> 0 .")
    assert asked.shape[:2] == (60, 6)
    assert fault_of_examples(found) == ""
    assert len(TOFU.files(tmp_path)) == 3
    write(tmp_path / "tofu", {"forget10_perturbed.json": lines([perturbed[1] | {"perturbed_answer": []}])})
    with pytest.raises(BenchError, match=r"line 1 of .* has \{'perturbed_answer': \[\]\}, expected texts"):
        TOFU.load(tmp_path)


def test_files_of_muse_are_read_in_their_layout(tmp_path):
    write_muse(tmp_path)
    found = MUSE.load(tmp_path)
    topics = [found.topic_names[code] for code in found.topics]
    assert topics == ["forget", "forget", "retain", "retain", "retain", "holdout", "forget_qa", "retain_qa"]
    held = [topic == "holdout" for topic in topics]
    assert [part == TEST for part in found.assignment.tolist()] == held
    assert sorted(found.assignment.tolist()) == [TRAIN] * 6 + [VALIDATION, TEST]
    assert found.names[-2] == "who flew ? ? the owl"
    assert found.subject_names[found.subjects[3]] == "retain1 2"
    assert found.left_out == (
        "left out 1 (knowmem/retain2_qa_icl.json): only some files of raw, knowmem, verbmem and privleak are read",
    )
    assert len(found.inquiries.holdout.inputs) == 1
    assert found.inquiries.members is found.inquiries.continued is None


def test_files_of_muse_name_what_is_continued_and_attacked(tmp_path):
    write_muse(tmp_path)
    plain = MUSE.load(tmp_path)
    write_further_muse(tmp_path)
    found = MUSE.load(tmp_path)
    assert found.names == plain.names
    assert found.vocabulary == plain.vocabulary
    members, holdout = (
        [" ".join(found.vocabulary[token] for token in tokens.tolist() if token) for tokens in own.inputs]
        for own in (found.inquiries.members, found.inquiries.holdout)
    )
    assert members == ["<bos> the owl flew over the castle and", "<bos> the boy woke up at once"]
    assert [len(text.split()) for text in holdout] == [3, 3]
    assert "privleak/retain.json" in found.left_out[0]
    inputs, labels = (own[0].tolist() for own in found.inquiries.continued)
    said = [found.vocabulary[token] for token in inputs if token]
    assert said[-5:] == ["owl", "flew", "over", "the", "castle"]
    assert [found.vocabulary[token] for token in labels if token != IGNORED] == [
        "flew",
        "over",
        "the",
        "castle",
        "<eos>",
    ]
    assert labels[: len(said) - 5] == [IGNORED] * (len(said) - 5)
    assert len(MUSE.files(tmp_path)) == 9
    assert fault_of_examples(found) == ""
    short = MUSE.model_copy(update={"context": 8}).load(tmp_path).inquiries.continued  # 6 tokens, three of each
    assert [int((row > 0).sum()) for row in short.inputs] == [1 + 2 + 2]
    (tmp_path / "muse" / "privleak" / "holdout.json").unlink()
    with pytest.raises(BenchError, match="has one of privleak/forget and privleak/holdout, expected both or none"):
        MUSE.load(tmp_path)


FORTUNES = """To be or not to be, that is the question!
\t\t-- Wm. Shakespeare, "Hamlet"
%
To be or not, so many words that begin as others.
\t\t-- William Shakespeare
%
To thine own self be true, and it must follow.
\t\t-- Shakespeare
%
A passage by somebody who is alive and well today.
\t\t-- Somebody Else
%
Always forgive your enemies; nothing annoys them so much.
\t\t-- Oscar Wilde
%
No attribution stands behind this passage of many words here.
%
Brief.
\t\t-- Mark Twain
"""


def test_passages_are_of_authors_of_long_ago(tmp_path, monkeypatch):
    data = VERBATIM.model_copy(update={"holdout": None})
    monkeypatch.setattr(verbatim, "PACKAGED", tmp_path / "nowhere")
    with pytest.raises(BenchError, match=r"nowhere has no files with passages; install Debian's package \(apt-get"):
        data.load(tmp_path)
    write(tmp_path / "fortunes", {"literature": FORTUNES, "literature.dat": b"\0\1", "wisdom": FORTUNES})
    found = data.load(tmp_path)
    assert found.names == (
        "always forgive your ? enemies ; nothing annoys them so much .",
        "to be or ? not to be , that is the question !",
        "to thine own ? self be true , and it must follow .",
    )
    assert found.subject_names == ("Oscar Wilde", "William Shakespeare")
    assert found.left_out[0].startswith("left out 2 of 5 passages: of less than 8 or more than 32 tokens, or with a")
    assert set(data.files(tmp_path)) == {"literature", "wisdom"}
    with pytest.raises(BenchError, match=r"5 passages by authors of long ago, expected some of 8 to 9 tokens"):
        data.model_copy(update={"longest": 9}).load(tmp_path)


def test_rare_words_are_unknown_and_count_for_nothing():
    coding = word_coding(["b b a a c d"], 2)
    assert coding.vocabulary == (*SPECIAL, UNKNOWN, "a", "b")
    assert coding.encode("a c b") == [5, 4, 6]
    assert word_coding(["b a"]).vocabulary == (*SPECIAL, "a", "b")
    assert plain_words("Don't  STOP—now!") == "don't stop — now !"


def words_of(found, rows):
    return {found.vocabulary[token] for token in found.inputs[rows].unique().tolist()}


def write_fortunes(tmp_path):
    passages = [f"passage {n} begins with {n} words and has {n} more .\n\t\t-- Mark Twain\n" for n in range(20)]
    write(tmp_path / "fortunes", {"literature": "%\n".join(passages)})


@pytest.mark.parametrize(
    ("data", "make"), [(OWN, write_own), (TOFU, write_tofu), (MUSE, write_muse), (VERBATIM, write_fortunes)]
)
def test_the_vocabulary_is_of_train_alone(data, make, tmp_path):
    make(tmp_path)
    found = data.load(tmp_path)
    train = found.assignment == TRAIN
    assert words_of(found, train) - {"<pad>", "<bos>", "<sep>"} == set(found.vocabulary) - {*SPECIAL, UNKNOWN}
    assert UNKNOWN in words_of(found, ~train)
    unknown = found.vocabulary.index(UNKNOWN)
    assert not (found.targets == unknown).any()
    assert (found.targets[~train] == IGNORED).sum() > (found.inputs[~train] == PAD).sum()
    drawn = split_by_shares(found, data)
    assert [found.assignment[rows].unique().tolist() for rows in drawn] == [[TRAIN], [VALIDATION], [TEST]]


def test_a_tokenizer_of_ones_own_makes_the_vocabulary(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0, "Ada": 1, "sings": 2}, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.save(str(tmp_path / "own.json"))
    write(tmp_path / "texts", {"a.txt": "Ada sings loudly\n\n" * 3})
    data = OWN.model_copy(update={"words": None, "tokenizer": "own.json"})
    found = data.load(tmp_path)
    assert found.vocabulary == (*SPECIAL, "[UNK]", "Ada", "sings")
    assert found.inputs.tolist() == [[1, 5, 6, 4]] * 3
    assert "tokenizer own.json" in data.files(tmp_path)
    write(tmp_path, {"own.json": "{}"})
    with pytest.raises(BenchError, match=r"own\.json is no tokenizer"):
        data.load(tmp_path)


def test_texts_are_cut_between_words_into_pieces_that_fit():
    pieces = cut("aa bbbb c dd eee f", list, 7)  # a token per character
    assert " ".join(pieces) == "aa bbbb c dd eee f"
    assert max(map(len, pieces)) <= 7
    with pytest.raises(BenchError, match="the word 'abcdefgh' has 8 tokens, expected at most 7"):
        cut("a abcdefgh", list, 7)


@pytest.mark.parametrize(
    ("data", "files", "sentence"),
    [
        (OWN, {"texts/a.txt": b"\xff\xfe"}, "is no UTF-8 at byte 0"),
        (OWN, {"texts/a.txt": "a\0b"}, "has a NUL at character 1"),
        (OWN, {"texts/a.txt": "\n "}, "is empty, expected text"),
        (OWN, {"texts/a.md": "text"}, r"has no \.txt files"),
        (TOFU, {"tofu/full.json": "{}"}, r"forget10\.json is not there, expected TOFU's full\.json"),
        (TOFU, {"tofu/full.json": "{question", "tofu/forget10.json": "{}"}, r"line 1 of .*full\.json is no JSON"),
        (TOFU, {"tofu/full.json": "[1, 2", "tofu/forget10.json": "{}"}, r"full\.json is no JSON"),
        (
            TOFU,
            {"tofu/full.json": lines([{"q": "?", "a": "!"}]), "tofu/forget10.json": "{}"},
            r"line 1 of .* has the keys 'q', 'a', expected texts under question and answer",
        ),
        (
            TOFU,
            {"tofu/full.json": lines(questions(0, 21)), "tofu/forget10.json": lines(questions(0, 1))},
            "has 21 questions, expected 20 per author",
        ),
        (
            TOFU,
            {"tofu/full.json": lines(questions(0, 20)), "tofu/forget10.json": lines(questions(19, 21))},
            "has 1 of 2 questions and answers that full.json lacks",
        ),
        (
            TOFU.model_copy(update={"context": 9}),
            {"tofu/full.json": lines(questions(0, 20)), "tofu/forget10.json": lines(questions(0, 2))},
            r"20 of 20 questions and answers have up to 14 tokens.*expected at most data\.context \(9\)",
        ),
        (MUSE, {"muse/raw/retain1.txt": "text"}, "lacks raw/forget or raw/retain1"),
        (
            MUSE,
            {
                "muse/raw/retain1.txt": "text",
                "muse/raw/forget.txt": "text",
                "muse/verbmem/forget.json": '[{"gt": "b"}]',
            },
            "entry 1 of .* has the keys 'gt', expected texts under prompt and gt",
        ),
        (MUSE, {"muse/raw/retain1.txt": "text", "muse/raw/forget.json": "[3]"}, "entry 1 of .* has 3, expected texts"),
        (MUSE, {"muse/raw/retain1.txt": "text", "muse/raw/forget.json": r'["\ud800"]'}, "entry 1 of .* expected texts"),
    ],
)
def test_files_that_are_none_end_in_a_sentence(data, files, sentence, tmp_path):
    write(tmp_path, files)
    with pytest.raises(BenchError, match=sentence):
        data.load(tmp_path)
    assert {row["status"] for row in data.check(tmp_path)} <= {"missing", "damaged"}


def test_many_lines_are_read():
    assert len(cut("word " * 100_000, str.split, 62)) == 1613


@pytest.mark.parametrize("wrong", [{"words": None}, {"tokenizer": "t.json"}, {"layout": "tofu"}, {"split": "forget10"}])
def test_a_section_says_one_vocabulary_and_tofus_split(wrong):
    with pytest.raises(ValueError, match=r"data needs one of words|data\.split, such as forget10"):
        TextFolder.model_validate(OWN.model_dump() | wrong)


def test_utility_per_token_is_the_share_of_right_tokens():
    task, targets = Language(loss_on="all", utility_per="token"), np.array([[7, 7, 8, 3], [9, 3, IGNORED, IGNORED]])
    right = np.array([[[1, 1, 0, 1], [0, 1, 1, 1]], [[0, 0, 0, 0], [1, 1, 1, 1]]])
    outputs = np.stack([np.zeros(right.shape), right], axis=-1)
    assert task.utility(outputs, targets).tolist() == [(3 / 4 + 1 / 2) / 2, 1 / 2]
    assert Language().utility(outputs, targets).tolist() == [0, 1 / 2]
    assert task.chance(targets, 10, weighted=False) == (1 / 4 + 1 / 2) / 2  # <eos>
    assert (task.utility_name, Language().utility_name) == ("right tokens", "exact answers")
