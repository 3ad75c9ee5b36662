"""Lists of tokens: every token can be written on one line, and what is no list is told with its line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.cards.tokens import read_tokens, written
from bench.errors import DataError

ODD = ["#", "# no remark", '"', "\\", "\\n", " ", "▁", "▁घर", "##क", "\u200d", "क्\u200c", "\n", "\r", "\t", "\x85", "\u2028", "\ufeff", "😀", "<0x0A>", "null"]


def test_tokens_of_odd_characters_come_back_and_stand_on_one_visible_line_each(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text(written(ODD, ["where it is from"]), encoding="utf-8")
    found = read_tokens(path)
    assert list(found.tokens) == ODD
    assert found.remarks == ("where it is from",)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert found.tokens == {token: number for number, token in enumerate(ODD, 2)}
    assert len(lines) == len(ODD) + 1
    assert all(line.isprintable() for line in lines)
    assert '"▁घर"' in lines


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, unique=True))
@settings(max_examples=60, deadline=None, database=None)
def test_any_tokens_come_back(tmp_path_factory, tokens):
    path = tmp_path_factory.mktemp("list") / "list.txt"
    path.write_text(written(tokens, []), encoding="utf-8")
    assert list(read_tokens(path).tokens) == tokens


def test_blank_lines_and_remarks_anywhere_are_passed_over_and_line_ends_of_windows_are_taken(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes('\ufeff# a\r\n\r\n"घर"\r\n  # b\r\n "\\u0023" \r\n'.encode())
    found = read_tokens(path)
    assert found.tokens == {"घर": 3, "#": 5}
    assert found.remarks == ("a", "b")


def test_the_digest_is_that_of_the_tokens_alone(tmp_path):
    digests = []
    for number, text in enumerate(['"a"\n"b"\n', '# c\n"b"\n\n"\\u0061"', '"a"\n"b"\n"c"']):
        path = tmp_path / f"{number}.txt"
        path.write_text(text, encoding="utf-8")
        digests.append(read_tokens(path).digest)
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"list\.txt: holds no token; expected a token as a JSON string"),
        (b"# only a remark\n", r"list\.txt: holds no token"),
        ('"घर"\nनदी\n'.encode(), r"list\.txt:2: expected a token as a JSON string, .*; found 'नदी'"),
        (b'"a"\n["b"]\n', r"list\.txt:2: expected a token"),
        (b'""\n', r"list\.txt:1: expected a token"),
        (b'"a"\n' + b"[" * 200_000, r"list\.txt:2: expected a token"),
        (b'"\\ud800"\n', r"list\.txt:1: expected a token"),
        (b'"a"\n\n"b"\n"a"\n', r'list\.txt:4: token "a" stands on line 1 already; take one of them out'),
        (b'"a"\n"\xff"\n', r"list\.txt:2: expected UTF-8, found byte 0xff"),
    ],
)
def test_what_is_no_list_is_told_with_its_line(tmp_path, content, message):
    path = tmp_path / "list.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_tokens(path)


def test_a_list_that_changes_is_read_again(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text('"a"\n', encoding="utf-8")
    assert list(read_tokens(path).tokens) == ["a"]
    path.write_text('"b1"\n', encoding="utf-8")
    assert list(read_tokens(path).tokens) == ["b1"]
