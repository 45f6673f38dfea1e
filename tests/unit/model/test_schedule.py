"""Limits by day and time: what a line may say, which line holds, and when that changes, over clock changes too."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.model.schedule import next_change, parse_rule, rule_at

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 6, 1, tzinfo=BERLIN)


def rules(*lines: str):
    return [parse_rule(line) for line in lines]


def held(lines, day: int, clock: str):
    hour, minute = (int(part) for part in clock.split(":"))
    rule = rule_at(rules(*lines), MONDAY + timedelta(days=day, hours=hour, minutes=minute))
    return rule and (rule.down_kbps, rule.up_kbps)


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("mon-fri 08:00-18:00", "2 parts, not three"),
        ("mon fri 08:00-18:00 1/1", "4 parts, not three"),
        ("mon-fry 08:00-18:00 2000/500", "day `fry`"),
        ("mon-wed-fri 08:00-18:00 2000/500", "day `wed-fri`"),
        ("mon, 08:00-18:00 2000/500", "day ``"),
        ("all 08:00 2000/500", "times `08:00` want a dash"),
        ("all 8-18 2000/500", "time `8` is not HH:MM"),
        ("all 24:00-08:00 1/1", "time `24:00`"),
        ("all 08:00-24:01 1/1", "time `24:01`"),
        ("all 08:60-09:00 1/1", "time `08:60`"),
        ("all 08:00-08:00 1/1", "last no time"),
        ("all 00:00-24:00 2000", "limits `2000` want a slash"),
        ("all 00:00-24:00 2000/fast", "limit `fast`"),
        ("all 00:00-24:00 -1/0", "limit `-1`"),
        ("all 00:00-24:00 1/9999999999", "limit `9999999999`"),
    ],
)
def test_an_error_names_the_part_that_is_wrong(line, part):
    with pytest.raises(ValueError, match=re.escape(part)):
        parse_rule(line)


def test_the_first_line_that_fits_wins():
    lines = ("mon-fri 08:00-18:00 2000/500", "fri-mon 12:00-14:00 7/7", "all 00:00-24:00 0/9")
    assert [held(lines, 0, clock) for clock in ("07:59", "08:00", "12:30", "17:59", "18:00")] == [
        (0, 9), (2000, 500), (2000, 500), (2000, 500), (0, 9),
    ]  # fmt: skip
    assert held(lines, 5, "12:30") == (7, 7) and held(lines, 6, "13:59") == (7, 7) and held(lines[:2], 5, "09:00") is None


def test_a_night_belongs_to_the_day_it_begins_on():
    lines = ("fri,SUN 22:00-06:00 1/2",)
    assert [held(lines, day, "23:00") for day in range(7)] == [None, None, None, None, (1, 2), None, (1, 2)]
    assert [held(lines, day, "05:59") for day in range(7)] == [(1, 2), None, None, None, None, (1, 2), None]


def test_the_next_change_is_found_and_a_schedule_that_never_changes_has_none():
    lines = rules("mon-fri 08:00-18:00 2000/500", "all 00:00-24:00 0/0")
    moment, rule = next_change(lines, MONDAY + timedelta(hours=9), BERLIN)
    assert (f"{moment:%a %H:%M}", rule.down_kbps) == ("Mon 18:00", 0)
    moment, rule = next_change(lines, MONDAY + timedelta(days=4, hours=19), BERLIN)
    assert (f"{moment:%a %H:%M}", rule.down_kbps) == ("Mon 08:00", 2000)
    assert next_change(rules("all 00:00-24:00 1/1"), MONDAY, BERLIN) is None and next_change([], MONDAY, BERLIN) is None


def test_clocks_put_forward_and_back_move_the_moments_with_them():
    spring, autumn = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 22, 30, tzinfo=UTC)
    moment, _ = next_change(rules("all 08:00-18:00 1/1"), spring + timedelta(hours=6), BERLIN)
    assert moment.astimezone(UTC) == datetime(2026, 3, 29, 6, tzinfo=UTC)  # 08:00 summer time
    # 02:00-03:00 does not exist that Sunday; the next one it does
    moment, _ = next_change(rules("sun 02:00-03:00 1/1"), spring, BERLIN)
    assert f"{moment:%d %b %H:%M}" == "05 Apr 02:00"
    seen, now = [], autumn
    for _ in range(4):
        moment, rule = next_change(rules("all 00:00-02:30 1/1"), now, BERLIN)
        now = moment.astimezone(UTC)
        seen.append((f"{moment:%d %H:%M}", moment.fold, rule is not None))
    assert seen == [("25 02:30", 0, False), ("25 02:00", 1, True), ("25 02:30", 1, False), ("26 00:00", 0, True)]


@given(
    st.lists(
        st.builds(
            "{} {:02}:{:02}-{:02}:{:02} {}/1".format,
            st.sampled_from(["all", "mon-fri", "sat,sun", "fri-mon", "wed"]),
            st.integers(0, 23), st.integers(0, 59), st.integers(0, 23), st.integers(0, 59), st.integers(0, 9),
        ),
        min_size=1, max_size=4,
    ),
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),
)  # fmt: skip
def test_between_now_and_the_next_change_the_same_rule_holds(lines, now):
    try:
        made = rules(*lines)
    except ValueError:
        return
    current, found = rule_at(made, now.astimezone(BERLIN)), next_change(made, now, BERLIN)
    end = found[0].astimezone(UTC) if found else now + timedelta(days=8)
    assert found is None or rule_at(made, found[0]) == found[1] != current
    moment = now
    while (moment := moment + timedelta(minutes=13)) < end:
        assert rule_at(made, moment.astimezone(BERLIN)) == current
