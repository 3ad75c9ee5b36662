"""Messages about a name that is not there."""

from bench.errors import nearest


def test_a_name_that_is_near_is_offered():
    assert nearest("tpo2", ["top2", "middle2"]) == "; did you mean 'top2'?"


def test_few_names_are_all_listed():
    assert nearest("zzz", ["b", "a"]) == "; valid: a, b"
    assert nearest("zzz", []) == ""


def test_of_many_names_only_the_nearest_few_are_listed_and_the_rest_is_counted():
    names = [f"candidate-number-{number}" for number in range(40)] + ["qqq-x"]
    told = nearest("q", names)
    assert told.startswith("; valid: qqq-x, ")
    assert told.endswith(" and 36 more")
    assert told.count("candidate-number") == 4
