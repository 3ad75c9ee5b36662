"""Sources: files are found, verified and read; whatever is wrong with one is told with its file, and its line where it has one."""

import gzip
import os
from pathlib import Path

import pytest

from bench.cards.tasks import Source, Subset, TaskCard
from bench.data.rows import missing_files
from bench.data.sources import locate_source, read_corpus, read_rows, source_digest
from bench.digests import file_digest
from bench.errors import DataError

COMMIT = "0" * 40


def read(folder, name, content=None, **fields):
    """The rows of a file, with the name of its folder left out of their places."""
    if content is not None:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    rows = read_rows(Source(split="test", file=name, **fields), folder, None)
    return [(place.removeprefix(f"{folder}/"), row) for place, row in rows]


def refusal(folder, name, content=None, **fields):
    with pytest.raises(DataError) as caught:
        read(folder, name, content, **fields)
    return str(caught.value)


def test_a_quotation_mark_in_a_tsv_file_is_a_character_like_any_other(tmp_path):
    rows = read(tmp_path, "a.tsv", 'text\tlabel\n"तो म्हणाला" हो\t"\n"\tx\n')
    assert rows == [("a.tsv:2", {"text": '"तो म्हणाला" हो', "label": '"'}), ("a.tsv:3", {"text": '"', "label": "x"})]


def test_a_quoted_cell_of_a_csv_file_may_hold_commas_quotation_marks_and_line_ends(tmp_path):
    rows = read(tmp_path, "a.csv", 'text,label\n"घर, ""शाळा""\nपाणी",x\nनदी,y\n')
    assert [row for _, row in rows] == [{"text": 'घर, "शाळा"\nपाणी', "label": "x"}, {"text": "नदी", "label": "y"}]
    assert rows[1][0] == "a.csv:4"


def test_empty_lines_of_a_table_are_passed_over_without_losing_count(tmp_path):
    assert read(tmp_path, "a.csv", "text,label\n\nनदी,y\n") == [("a.csv:3", {"text": "नदी", "label": "y"})]


def test_a_header_in_the_card_makes_the_first_line_a_row(tmp_path):
    assert read(tmp_path, "a.tsv", "नदी\ty\n", header=("text", "label")) == [("a.tsv:1", {"text": "नदी", "label": "y"})]


@pytest.mark.parametrize(("line", "found"), [("एक", 1), ("एक\tदोन\tतीन", 3)], ids=["fewer", "more"])
def test_a_line_with_another_number_of_cells_than_the_header_is_refused_with_file_line_and_columns(tmp_path, line, found):
    message = refusal(tmp_path, "a.tsv", f"text\tlabel\nनदी\ty\n{line}\n")
    assert f"{tmp_path / 'a.tsv'}:3" in message
    assert "expected 2 cells (text, label)" in message
    assert f"found {found}" in message


def test_a_cell_of_more_characters_than_can_be_read_is_told_with_what_may_be_wrong(tmp_path):
    message = refusal(tmp_path, "a.tsv", "text\tlabel\n" + "न" * 200_000 + "\ty\n")
    assert message.startswith(f"{tmp_path / 'a.tsv'}:2: field larger than field limit")
    assert "is a quotation mark never closed, or a line end missing?" in message


def test_a_folder_in_the_place_of_a_file_is_not_called_missing(tmp_path):
    (tmp_path / "a.tsv").mkdir()
    with pytest.raises(DataError, match=r"a\.tsv: is no file"):
        list(read_rows(Source(split="test", file="a.tsv"), tmp_path, None))


@pytest.mark.parametrize("line", ['"नदी,y', 'नदी,"y', '"नदी" वाहते,y'], ids=["first-cell-open", "last-cell-open", "text-after-the-quotes"])
def test_a_csv_line_whose_quotation_marks_do_not_match_is_refused_with_file_and_line(tmp_path, line):
    assert refusal(tmp_path, "a.csv", f"text,label\n{line}\n").startswith(f"{tmp_path / 'a.csv'}:2: ")


@pytest.mark.skipif(not Path("/proc/self/mem").is_file(), reason="needs a file that is there and cannot be read")
@pytest.mark.parametrize("suffix", ["tsv", "csv", "jsonl", "txt"])
def test_a_file_that_is_there_and_cannot_be_read_is_refused_with_its_name_and_why(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    path.symlink_to("/proc/self/mem")
    message = refusal(tmp_path, path.name, column="text")
    assert message.startswith(f"{path}: cannot be read (Input/output error)")
    with pytest.raises(DataError, match="cannot be read"):
        list(read_corpus([path]))


def test_json_lines_become_rows_whose_values_are_text(tmp_path):
    rows = read(tmp_path, "a.jsonl", '{"text": "नदी", "label": 1}\n\n{"text": "घर", "label": 0}\n')
    assert rows == [("a.jsonl:1", {"text": "नदी", "label": "1"}), ("a.jsonl:3", {"text": "घर", "label": "0"})]


@pytest.mark.parametrize("line", ['{"text": "घ', "[1, 2]", "घर"], ids=["torn", "list", "bare"])
def test_a_line_that_is_no_json_object_is_refused_with_file_line_and_what_it_begins_with(tmp_path, line):
    message = refusal(tmp_path, "a.jsonl", f'{{"text": "नदी"}}\n{line}\n')
    assert f"{tmp_path / 'a.jsonl'}:2" in message
    assert line in message


def test_a_null_in_a_json_line_is_an_empty_cell(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": null, "label": "x"}\n', encoding="utf-8")
    assert read(tmp_path, "a.jsonl") == [("a.jsonl:1", {"text": "", "label": "x"})]


def test_the_lines_of_a_text_file_get_the_name_that_the_card_gives_them(tmp_path):
    assert read(tmp_path, "a.txt", "नदी \nघर\n", column="sentence1") == [("a.txt:1", {"sentence1": "नदी"}), ("a.txt:2", {"sentence1": "घर"})]


def test_a_text_file_without_a_name_for_its_lines_is_refused(tmp_path):
    message = refusal(tmp_path, "a.txt", "नदी\n")
    assert str(tmp_path / "a.txt") in message
    assert "`column`" in message


def test_a_file_of_an_unknown_kind_is_refused_with_the_kinds_that_can_be_read(tmp_path):
    message = refusal(tmp_path, "a.xlsx", "नदी\n")
    assert str(tmp_path / "a.xlsx") in message
    assert ".tsv, .csv, .jsonl, .txt" in message


@pytest.mark.parametrize("name", ["a.tsv", "a.csv", "a.jsonl", "a.txt"])
def test_a_file_that_is_not_utf_8_is_refused_with_the_byte(tmp_path, name):
    message = refusal(tmp_path, name, b"text\n\xff\n" if name != "a.jsonl" else b'{"text": "\xff"}\n', column="text")
    assert str(tmp_path / name) in message
    assert "UTF-8" in message
    assert "0xff" in message


def test_the_offset_of_a_byte_that_is_not_utf_8_is_counted_from_the_beginning_of_a_long_file(tmp_path):
    content = b"text\n" + b"a line\n" * 10_000
    assert str(len(content)) in refusal(tmp_path, "a.tsv", content + b"\xff\n")


def test_a_missing_file_is_refused_with_the_card_that_names_it(tmp_path):
    message = refusal(tmp_path, "a.tsv")
    assert str(tmp_path / "a.tsv") in message
    assert str(tmp_path / "task.toml") in message


def test_a_file_with_the_sum_in_the_card_is_read(tmp_path):
    (tmp_path / "a.tsv").write_text("text\nनदी\n", encoding="utf-8")
    assert read(tmp_path, "a.tsv", sha256=file_digest(tmp_path / "a.tsv")) == [("a.tsv:2", {"text": "नदी"})]


def test_a_file_whose_sum_changed_is_refused_with_both_sums_and_how_to_mend_it(tmp_path):
    (tmp_path / "a.tsv").write_text("text\nनदी\n", encoding="utf-8")
    right = file_digest(tmp_path / "a.tsv")
    message = refusal(tmp_path, "a.tsv", "text\nघर\n", sha256=right)
    for part in (str(tmp_path / "a.tsv"), str(tmp_path / "task.toml"), right, file_digest(tmp_path / "a.tsv"), "restore", "new sha256"):
        assert part in message


def test_a_published_file_lies_under_its_repository_in_the_data_folder(tmp_path):
    path = tmp_path / "data" / "owner" / "data" / "a" / "b.tsv"
    path.parent.mkdir(parents=True)
    path.write_text("text\nनदी\n", encoding="utf-8")
    source = Source(split="test", repository="owner/data", commit=COMMIT, path="a/b.tsv", sha256=file_digest(path))
    assert list(read_rows(source, tmp_path / "card", tmp_path / "data")) == [(f"{path}:2", {"text": "नदी"})]
    assert source_digest(source, tmp_path / "card", tmp_path / "data") == file_digest(path)


PUBLISHED = Source(split="test", repository="owner/data", commit=COMMIT, path="a/b.tsv", sha256="1" * 64)


def test_published_data_without_a_data_folder_is_refused_with_the_option_to_give(tmp_path):
    with pytest.raises(DataError, match=r"owner/data/a/b\.tsv: .*--data-dir"):
        list(read_rows(PUBLISHED, tmp_path, None))


def test_published_data_that_is_not_there_is_refused_with_the_commit_to_get(tmp_path):
    with pytest.raises(DataError) as caught:
        list(read_rows(PUBLISHED, tmp_path, tmp_path / "data"))
    for part in (str(tmp_path / "data" / "owner" / "data" / "a" / "b.tsv"), COMMIT, "owner/data", "`bench data get`"):
        assert part in str(caught.value)


def test_changed_published_data_is_to_be_restored_and_not_given_a_new_sum(tmp_path):
    path = tmp_path / "owner" / "data" / "a" / "b.tsv"
    path.parent.mkdir(parents=True)
    path.write_text("text\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"restore the file$"):
        list(read_rows(PUBLISHED, tmp_path, tmp_path))


HUB = Source(split="test", hub="owner/set", revision=COMMIT, config="mr", hub_split="validation")


def test_a_hub_data_set_is_refused_offline_with_its_name(tmp_path):
    with pytest.raises(DataError, match=r"owner/set.*cannot be loaded.*run once without --offline"):
        list(read_rows(HUB, tmp_path, None, offline=True))


def test_a_hub_data_set_has_no_file_and_is_identified_by_its_revision(tmp_path):
    assert locate_source(HUB, tmp_path, None).path is None
    assert source_digest(HUB, tmp_path, None) == f"owner/set@{COMMIT}/mr/validation"


def test_what_is_missing_is_told_for_every_source_without_reading_any(tmp_path):
    (tmp_path / "here.tsv").write_bytes(b"\xff")
    sources = (Source(split="train", file="here.tsv"), Source(split="dev", file="gone.tsv"), PUBLISHED, HUB)
    subsets = {"mr": Subset(languages=("mar-Deva",), sources=sources)}
    card = TaskCard(name="T", type="Classification", description="d", license="l", subsets=subsets, folder=tmp_path)
    problems = missing_files(card, None)
    assert len(problems) == 2
    assert "gone.tsv" in problems[0]
    assert "--data-dir" in problems[1]


@pytest.mark.parametrize("suffix", ["tsv", "csv"])
def test_a_column_that_stands_twice_in_a_header_is_refused(tmp_path, suffix):
    cells = {"tsv": "\t", "csv": ","}[suffix]
    assert f"a.{suffix}:1: the header has the column 'text' more than once" in refusal(
        tmp_path, f"a.{suffix}", "\n".join(cells.join(row) for row in (("text", "label", "text"), ("अ", "x", "ब")))
    )


def test_columns_without_a_name_may_stand_there_several_times(tmp_path):
    assert read(tmp_path, "a.csv", "text,,\nअ,1,2\n") == [("a.csv:2", {"text": "अ", "": "2"})]


def test_a_name_that_stands_twice_in_a_json_line_is_refused(tmp_path):
    assert "a.jsonl:1: 'text' stands there more than once" in refusal(tmp_path, "a.jsonl", '{"text": "अ", "text": "ब"}\n')


@pytest.mark.parametrize("line", ['{"text": "a\\ud800"}', '{"te\\udfffxt": "a"}'], ids=["value", "name"])
def test_half_a_surrogate_pair_in_a_json_line_is_refused_with_its_line(tmp_path, line):
    message = refusal(tmp_path, "a.jsonl", '{"text": "\\ud83d\\ude00"}\n' + line + "\n")
    assert "a.jsonl:2: te" in message
    assert "half of a surrogate pair" in message
    message.encode()


@pytest.mark.parametrize("line", ['{"a": ' + "[" * 100_000, '{"a": ' + "9" * 5000 + "}"], ids=["deep", "long"])
def test_json_that_python_cannot_read_is_refused_with_its_line(tmp_path, line):
    assert "a.jsonl:1: expected a JSON object" in refusal(tmp_path, "a.jsonl", line + "\n")


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"


@pytest.mark.parametrize("suffix", ["tsv", "csv", "jsonl", "txt"])
def test_a_pointer_of_git_lfs_in_place_of_data_is_told(tmp_path, suffix):
    assert "git lfs pull" in refusal(tmp_path, f"a.{suffix}", POINTER, column="text")
    with pytest.raises(DataError, match="git lfs pull"):
        list(read_corpus([tmp_path / f"a.{suffix}"]))


def test_a_suffix_in_capitals_says_the_same(tmp_path):
    assert read(tmp_path, "a.TSV", 'text\n"अ\n') == [("a.TSV:2", {"text": '"अ'})]
    (tmp_path / "a.GZ").write_bytes(gzip.compress("नदी\n".encode()))
    assert list(read_corpus([tmp_path / "a.GZ"])) == ["नदी"]


def test_a_byte_order_mark_is_no_part_of_a_corpus(tmp_path):
    (tmp_path / "a.txt").write_text("नदी\n", encoding="utf-8-sig")
    (tmp_path / "a.gz").write_bytes(gzip.compress("घर\n".encode("utf-8-sig")))
    assert list(read_corpus([tmp_path / "a.txt", tmp_path / "a.gz"])) == ["नदी", "घर"]


def test_a_pipe_is_no_corpus_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.txt")
    with pytest.raises(DataError, match=r"a.txt: is a pipe or a device; .*into a file"):
        list(read_corpus([tmp_path / "a.txt"]))


@pytest.mark.parametrize("link", [False, True])
def test_a_corpus_file_may_be_given_once(tmp_path, link):
    path, other = tmp_path / "a.txt", tmp_path / ("b.txt" if link else "a.txt")
    path.write_text("नदी\n", encoding="utf-8")
    if link:
        other.symlink_to(path)
    with pytest.raises(DataError, match=f"{other.name}: is given twice"):
        list(read_corpus([path, other]))
