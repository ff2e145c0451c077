"""A difference line by line: what is only in AWS, what is missing there, and as much around it as is needed."""

import pytest

from portal.web.presenters.drift import MOST_LINES, diff_lines


def told(wanted: object, found: object) -> list[tuple[str, str]]:
    return [(line.kind, line.text.strip()) for line in diff_lines(wanted, found)]


def test_a_changed_value_is_told_both_ways() -> None:
    lines = told({"Principal": "arn:aws:iam::1:root"}, {"Principal": "*"})
    assert ("wanted", '"Principal": "arn:aws:iam::1:root"') in lines
    assert ("found", '"Principal": "*"') in lines
    assert [text for kind, text in lines if kind == "same"] == ["{", "}"]


def test_words_say_what_signs_do() -> None:
    by_kind = {line.kind: (line.sign, line.says) for line in diff_lines(["a"], ["b"])}
    assert by_kind["found"] == ("+", "Only in AWS: ")
    assert by_kind["wanted"] == ("\N{MINUS SIGN}", "Missing in AWS: ")
    assert by_kind["same"] == ("", "")


@pytest.mark.parametrize(
    ("wanted", "found", "lines"),
    [
        (None, "x", [("found", "x")]),
        ("x", None, [("wanted", "x")]),
        ("arn:b", "arn:a", [("wanted", "arn:b"), ("found", "arn:a")]),
        (None, None, []),
        ({"a": 1}, {"a": 1}, [("gap", "…")]),
        (3600, 43200, [("wanted", "3600"), ("found", "43200")]),
    ],
)
def test_what_is_not_a_document(wanted: object, found: object, lines: list[tuple[str, str]]) -> None:
    assert told(wanted, found) == lines


def test_what_is_alike_is_left_out_but_around_a_difference() -> None:
    same = [f"action-{number:03d}" for number in range(60)]
    lines = told(same, [*same, "zzz"])
    assert lines[0] == ("gap", "…")
    assert len(lines) < 14
    assert sum(kind == "gap" for kind, _ in lines) == 1
    assert ("found", '"zzz"') in lines


def test_order_of_keys_means_nothing() -> None:
    assert told({"a": 1, "b": 2}, {"b": 2, "a": 1}) == [("gap", "…")]


def test_a_huge_document_is_cut() -> None:
    assert len(diff_lines(None, list(range(5 * MOST_LINES)))) == MOST_LINES
