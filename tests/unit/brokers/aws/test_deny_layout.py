"""The layout: nothing is lost, nothing moves without need, and no order of writing ever lets somebody back in."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.aws.deny_layout import INLINE, Layout, Part, arrange, order
from brokers.types import merged, not_covered

CUT = datetime(2031, 1, 2, 3, 4, 5, tzinfo=UTC)
NAMES = [f"AROA1234567890ABCDEF:sp-{number:0{2 + number % 30}}" for number in range(30)]
TIMES = [f"2031-01-02T03:04:0{second}Z" for second in range(2)]
NAMES += [f"AROA1234567890ABCDEF:ada{number}<{at}" for number in range(3) for at in TIMES]
NAMES += [f"AIDA1234567890ABCDE{number}<{TIMES[0]}" for number in range(2)]
NAMES += [f"sub=eu-west-1:0b7e4f5a-0000-4000-8000-00000000000{number}" for number in range(2)]
ENTRIES = st.frozensets(st.sampled_from(NAMES))
PARTS = st.builds(Part, ENTRIES, st.sampled_from([None, CUT, CUT + timedelta(hours=1)]))
LAYOUTS = st.dictionaries(st.integers(0, 3), PARTS, max_size=4)
ROOMS = st.tuples(st.integers(0, 900), st.integers(0, 3), st.integers(300, 900)).map(
    lambda drawn: {INLINE: drawn[0], **dict.fromkeys(range(1, drawn[1] + 1), drawn[2])}
)
quick = settings(max_examples=120, deadline=None)


def denied(layout: Layout) -> frozenset[str]:
    return frozenset[str]().union(*(part.entries for part in layout.values()))


def within(layout: Layout, rooms: Mapping[int, int]) -> Layout:
    """Return what of a drawn layout can stand. Inline there may be less room by now: others' policies grew."""
    return {
        slot: part
        for slot, part in layout.items()
        if part and slot in rooms and (slot == INLINE or part.size <= rooms[slot])
    }


@quick
@given(PARTS, LAYOUTS, ROOMS)
def test_all_of_it_is_denied_once_and_within_the_rooms(
    wanted: Part, standing: Layout, rooms: Mapping[int, int]
) -> None:
    target = arrange(wanted, standing, rooms)
    if target is None:
        assert wanted.size > rooms[INLINE]
        return
    assert denied(target) == wanted.entries
    assert sum(len(part.entries) for part in target.values()) == len(wanted.entries)
    assert [p.issued_before for p in target.values() if p.issued_before] == [wanted.issued_before] * bool(
        wanted.issued_before
    )
    assert all(0 < part.size <= rooms[slot] for slot, part in target.items())


@quick
@given(PARTS, LAYOUTS, ROOMS)
def test_what_stands_stays_where_it_stands(wanted: Part, drawn: Layout, rooms: Mapping[int, int]) -> None:
    standing = within(drawn, rooms)
    target = arrange(wanted, standing, rooms)
    if target is None:
        return
    if wanted.size <= rooms[INLINE]:
        assert target == ({INLINE: wanted} if wanted else {})
        return
    for slot, part in target.items():
        for entry in part.entries:
            homes = [home for home in standing if entry in standing[home].entries]
            assert not homes or slot in homes or standing[INLINE].size > rooms[INLINE]


@quick
@given(PARTS, LAYOUTS, ROOMS, st.sets(st.integers(0, 3)))
def test_nothing_that_stays_denied_is_ever_absent(
    wanted: Part, drawn: Layout, rooms: Mapping[int, int], torn: set[int]
) -> None:
    standing = within(drawn, rooms)
    broken = torn - standing.keys()
    target = arrange(wanted, standing, rooms)
    if target is None:
        return
    kept = denied(standing) & wanted.entries
    now = dict(standing)
    for slot in order(target, standing, broken & target.keys()):
        now[slot] = target[slot]
        assert kept <= denied(now)
    for slot in standing.keys() - target.keys():
        del now[slot]
        assert kept <= denied(now)
    assert now == target


NEW_TIMES = st.dictionaries(
    st.sampled_from([f"AROA1234567890ABCDEF:eve{number}" for number in range(8)]),
    st.sampled_from([f"2031-01-02T03:04:0{second}Z" for second in range(4)]),
    min_size=1,
).map(lambda drawn: Part(frozenset(f"{name}<{before}" for name, before in drawn.items())))


@quick
@given(st.lists(NEW_TIMES, min_size=2, max_size=4), ROOMS)
def test_no_name_is_ever_let_go_for_its_new_time(wanted: list[Part], drawn: Mapping[int, int]) -> None:
    """Neither for a later one nor, when that is over, for the earlier: up to the earlier of both it stays denied."""
    rooms = {**drawn, 4: 6_144}
    now: dict[int, Part] = {}
    for part in wanted:
        standing = dict(now)
        target = arrange(part, standing, rooms)
        assert target is not None
        assert denied(target) == part.entries
        before = denied(standing)
        kept = (before - not_covered(before, part.entries)) | (
            part.entries - not_covered(part.entries, before)
        )
        for slot in order(target, standing, ()):
            now[slot] = target[slot]
            assert not not_covered(kept, denied(now))
        for slot in standing.keys() - target.keys():
            del now[slot]
            assert not not_covered(kept, denied(now))


def test_a_later_time_goes_where_the_name_stands() -> None:
    early, late = (
        "AROA1234567890ABCDEF:eve<2031-01-02T03:04:00Z",
        "AROA1234567890ABCDEF:eve<2031-01-02T03:05:00Z",
    )
    others = Part(frozenset(NAMES[:5]))
    rooms = {INLINE: others.size + 300, 1: 6_144}
    standing = {INLINE: others, 1: Part(frozenset({early, *NAMES[5:20]}))}
    wanted = merged({*others.entries, *NAMES[5:20], early, late})
    target = arrange(Part(wanted), standing, rooms)
    assert target == {INLINE: others, 1: Part(frozenset({late, *NAMES[5:20]}))}
    assert order(target, standing, ()) == [1]


def test_a_second_arrangement_changes_nothing() -> None:
    rooms = {INLINE: 400, 1: 600, 2: 600}
    wanted = Part(frozenset(NAMES[:20]), CUT)
    target = arrange(wanted, {}, rooms)
    assert target is not None
    assert arrange(wanted, target, rooms) == target
    assert order(target, target, ()) == []
    assert order(target, target, {1}) == [1]


def test_one_more_than_there_is_room_for_is_no_layout() -> None:
    wanted = Part(frozenset(NAMES[:10]))
    assert arrange(wanted, {}, {INLINE: wanted.size}) == {INLINE: wanted}
    assert arrange(wanted, {}, {INLINE: wanted.size - 1}) is None
    assert arrange(Part(wanted.entries, CUT), {}, {INLINE: wanted.size}) is None


def test_new_ones_fill_what_is_free_inline_first() -> None:
    old, new = frozenset(NAMES[:4]), frozenset(NAMES[4:8])
    rooms = {INLINE: Part(old).size, 1: 6_144, 2: 6_144}
    assert arrange(Part(old | new), {INLINE: Part(old)}, rooms) == {INLINE: Part(old), 1: Part(new)}
    # Two have gone from the inline policy: a new one takes their place, the others stay where they are.
    left, late = frozenset(NAMES[2:4]), NAMES[0]
    standing = {INLINE: Part(left), 1: Part(new)}
    assert arrange(Part(left | new | {late}), standing, rooms) == {INLINE: Part(left | {late}), 1: Part(new)}


def test_the_cut_goes_inline_and_stays_where_it_stands_with_a_new_time() -> None:
    entries, later = frozenset(NAMES[:20]), CUT + timedelta(seconds=1)
    rooms = {INLINE: 500, 1: 6_144}
    first = arrange(Part(entries, CUT), {}, rooms)
    assert first is not None
    assert first[INLINE].issued_before == CUT
    second = arrange(Part(entries, later), first, rooms)
    assert second == {INLINE: Part(first[INLINE].entries, later), 1: first[1]}
    # The inline policy is full: the cut goes where room is, and nobody's entry has to move for it.
    full = Part(frozenset(NAMES[:5]))
    tight = {INLINE: full.size, 1: 6_144}
    assert arrange(Part(full.entries, CUT), {INLINE: full}, tight) == {
        INLINE: full,
        1: Part(issued_before=CUT),
    }


@pytest.mark.parametrize("room", [0, -5])
def test_without_room_inline_all_of_it_goes_elsewhere(room: int) -> None:
    wanted = Part(frozenset(NAMES[:5]), CUT)
    assert arrange(wanted, {}, {INLINE: room, 1: 6_144}) == {1: wanted}
