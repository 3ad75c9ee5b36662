"""`bench vocabulary`: a list of a base's most frequent tokens, the same each time, without test texts, that a card takes."""

from __future__ import annotations

import gzip
import json

import pytest
from transformers import AutoTokenizer

from bench.cards.tokens import read_tokens
from bench.data.sources import read_corpus
from bench.digests import file_digest, model_digest
from bench.errors import DataError
from bench.make.vocabulary.choose import choose_vocabulary
from bench.make.vocabulary.trim import select_tokens
from tests.cli.command import bench
from tests.conftest import WORDS_HI, WORDS_MR, sentences


@pytest.fixture
def corpus(tmp_path):
    """Marathi as text, Hindi compressed."""
    files = tmp_path / "mr.txt", tmp_path / "hi.txt.gz"
    files[0].write_text("\n".join(sentences(WORDS_MR, 60)) + "\n", encoding="utf-8")
    with gzip.open(files[1], "wt", encoding="utf-8") as handle:
        handle.write("\n".join(sentences(WORDS_HI, 60)))
    return files


def test_the_command_writes_a_list_that_tells_where_it_is_from_and_a_card_takes(workspace_folder, corpus):
    out = workspace_folder / "models" / "lists" / "small.txt"
    arguments = ("tiny", *map(str, corpus), "--size", "160", "--out", str(out), "--workspace", str(workspace_folder))
    found = bench("vocabulary", *arguments)
    assert found.returncode == 0, found.stderr
    assert f"{out}: 160 of " in found.stdout
    assert "  mr.txt: " in found.stdout
    assert "  hi.txt.gz: " in found.stdout
    assert found.stdout.count(" test texts left out") == 2
    listed = read_tokens(out)
    assert len(listed.tokens) == 160
    told = "\n".join(listed.remarks)
    assert model_digest(workspace_folder / "models" / "tiny") in told
    assert all(file_digest(file) in told for file in corpus)
    assert "bench vocabulary tiny mr.txt hi.txt.gz --size 160 --out small.txt" in told
    assert str(workspace_folder) not in out.read_text(encoding="utf-8")
    first = out.read_bytes()
    again = json.loads(bench("vocabulary", *arguments, "--json").stdout)
    assert out.read_bytes() == first
    assert (again["tokens_after"], [one["file"] for one in again["files"]]) == (160, ["mr.txt", "hi.txt.gz"])
    card = workspace_folder / "models" / "mini.toml"
    added = '[[candidates]]\nname = "less"\nkind = "full"\nbase = "tiny"\nvocabulary = { tokens = "lists/small.txt" }\n'
    card.write_text(card.read_text(encoding="utf-8") + added, encoding="utf-8")
    made = bench("make", "less", "--device", "cpu", "--workspace", str(workspace_folder))
    assert made.returncode == 0, made.stderr


def test_the_tokens_are_those_that_the_corpus_has_most_often_but_for_test_texts(tiny_base, corpus):
    texts = [*sentences(WORDS_MR, 60), *sentences(WORDS_HI, 60)]
    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    found = choose_vocabulary(tiny_base, corpus, 200, guard=frozenset())
    assert list(found.tokens) == tokenizer.convert_ids_to_tokens(select_tokens(tokenizer, texts, 200))
    assert [one["texts"] for one in found.files] == [60, 60]
    from bench.data.rows import normalise

    guarded = choose_vocabulary(tiny_base, corpus, 200, guard=frozenset(normalise(text) for text in sentences(WORDS_HI, 5)))
    assert [(one["texts"], one["left_out_for_standing_in_a_test"]) for one in guarded.files] == [(60, 0), (55, 5)]


def test_the_tokens_of_the_prompt_are_counted_with_every_line(tiny_base, corpus):
    prompt = "किताब "
    wanted = set(AutoTokenizer.from_pretrained(tiny_base).tokenize(prompt))
    assert wanted <= set(choose_vocabulary(tiny_base, corpus[:1], 190, guard=frozenset(), prompt=prompt).tokens)
    assert not wanted <= set(choose_vocabulary(tiny_base, corpus[:1], 190, guard=frozenset()).tokens)


def test_a_size_or_a_corpus_that_does_not_fit_is_one_line_and_writes_nothing(workspace_folder, corpus, tmp_path):
    (tmp_path / "empty.txt").write_text("\n", encoding="utf-8")
    for file, size, message in (
        (corpus[0], "20", "'--size' must be at least "),
        (corpus[0], "300000", "'--size' must be below the base's "),
        (tmp_path / "empty.txt", "200", f"{tmp_path / 'empty.txt'}: no text is left to count tokens on"),
    ):
        out = tmp_path / "out.txt"
        found = bench("vocabulary", "tiny", str(file), "--size", size, "--out", str(out), "--workspace", str(workspace_folder))
        assert found.returncode == 2
        assert found.stderr.splitlines()[-1].startswith(f"bench: {message}")
        assert "Traceback" not in found.stderr
        assert not out.exists()


def test_the_prompt_is_that_of_the_candidates_card_unless_another_is_given(workspace_folder, corpus):
    card = workspace_folder / "models" / "mini.toml"
    card.write_text(card.read_text(encoding="utf-8") + '[[candidates]]\nname = "asking"\nkind = "full"\nbase = "tiny"\nprompt = "किताब "\n', encoding="utf-8")
    out = workspace_folder / "list.txt"
    remark = "every line with the prompt "
    for model, more, prompt in (("asking", [], "किताब "), ("asking", ["--prompt", "पाणी "], "पाणी "), ("tiny", [], None)):
        assert bench("vocabulary", model, str(corpus[0]), "--size", "190", "--out", str(out), *more, cwd=workspace_folder).returncode == 0
        told = [one for one in read_tokens(out).remarks if one.startswith(remark)]
        assert told == ([] if prompt is None else [f"{remark}{prompt!r}"])


def test_a_link_in_the_place_of_the_list_stays_and_what_it_leads_to_is_written(workspace_folder, corpus, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    out, behind = workspace_folder / "list.txt", tmp_path / "elsewhere" / "list.txt"
    out.symlink_to(behind)
    assert bench("vocabulary", "tiny", str(corpus[0]), "--size", "160", "--out", str(out), cwd=workspace_folder).returncode == 0
    assert out.is_symlink()
    assert len(read_tokens(behind).tokens) == 160


def test_a_list_never_takes_the_place_of_the_text_that_it_is_counted_on(workspace_folder, corpus):
    before = corpus[0].read_bytes()
    found = bench("vocabulary", "tiny", str(corpus[0]), "--size", "160", "--out", str(corpus[0]), "--workspace", str(workspace_folder))
    assert found.returncode == 2
    assert f"--out {corpus[0]} is a file of the corpus, and would be overwritten" in found.stderr
    assert corpus[0].read_bytes() == before


def test_a_damaged_gzip_file_is_named(tmp_path):
    data = bytearray(gzip.compress("मी घरी जातो\n".encode() * 200, mtime=0))
    data[20:24] = b"\xff" * 4
    (tmp_path / "mr.txt.gz").write_bytes(data)
    with pytest.raises(DataError, match=r"mr\.txt\.gz: cannot be read after line 0: .*expected UTF-8 text, gzip-compressed if named \.gz"):
        list(read_corpus([tmp_path / "mr.txt.gz"]))
