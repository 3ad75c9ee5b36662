"""Messages about a name that is not there."""

from bench.errors import nearest


def test_a_name_that_is_near_is_offered():
    assert nearest("tpo2", ["top2", "middle2"]) == "; did you mean 'top2'?"


def test_names_of_which_a_part_begins_so_are_offered_where_none_is_near_and_they_are_few():
    names = ["mini-distilled6", "mini-scratch6", "mini-static", "public/two-phase"]
    assert nearest("Dis", names) == "; did you mean 'mini-distilled6'?"
    assert nearest("two", names) == "; did you mean 'public/two-phase'?"
    assert nearest("stil", names).startswith("; valid: ")
    assert nearest("di", names).startswith("; valid: ")
    assert nearest("dis", ["a-distilled6", "b-distilled6"]) == "; did you mean 'a-distilled6' or 'b-distilled6'?"
    assert nearest("dis", [f"{letter}-distilled6" for letter in "abcd"]).startswith("; valid: ")


def test_few_names_are_all_listed():
    assert nearest("zzz", ["b", "a"]) == "; valid: a, b"
    assert nearest("zzz", []) == ""


def test_of_many_names_only_the_nearest_few_are_listed_and_the_rest_is_counted():
    names = [f"candidate-number-{number}" for number in range(40)] + ["qqq-x"]
    told = nearest("q", names)
    assert told.startswith("; valid: qqq-x, ")
    assert told.endswith(" and 36 more")
    assert told.count("candidate-number") == 4
