"""Versions of views: what is the same keeps its version, and what is remembered stays within bounds."""

from slskdn_tui.engine.views.versions import KEPT, MOST_ROWS, Versions
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import LogRow, LogView, ViewKey


def view(rows: int, word: str = "x") -> LogView:
    return LogView(0, tuple(LogRow(str(n), 0, time="", part="", level="info", text=SafeText(word)) for n in range(rows)))


def test_a_view_that_has_not_changed_is_the_one_given_before_and_a_changed_row_alone_is_new():
    versions, key = Versions(), ViewKey("log")
    first = versions.stamp(key, view(3))
    assert versions.stamp(key, view(3)) is first
    other = LogView(0, (*view(2).rows, *view(3, "y").rows[2:]))
    second = versions.stamp(key, other)
    assert [row.version for row in second.rows[:2]] == [row.version for row in first.rows[:2]]
    assert second.rows[2].version > first.version and second.version > first.version


def test_long_views_are_forgotten_sooner_than_short_ones():
    versions = Versions()
    for number in range(2 * KEPT):
        versions.stamp(ViewKey("log", str(number)), view(1))
    assert len(versions._views) == KEPT
    for number in range(10):
        versions.stamp(ViewKey("trace", str(number)), view(MOST_ROWS // 4))
    assert sum(len(shown.rows) for _, shown in versions._views.values()) <= MOST_ROWS
    last = ViewKey("trace", "long")
    shown = versions.stamp(last, view(MOST_ROWS + 1))
    assert versions.stamp(last, view(MOST_ROWS + 1)) is shown, "the one that is looked at is always remembered"
