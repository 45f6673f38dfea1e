"""Presenters and the table model with plain values."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from slskdn_tui.model.jobs import Constraints, constraint_lines
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import JobView, SwarmRow
from slskdn_tui.ui.present import format as fmt
from slskdn_tui.ui.present.base import ASCII, UNICODE, Line, changed_cells, crop, fit, line_width, spread, wrap
from slskdn_tui.ui.present.jobs import job_line, wish_lines
from slskdn_tui.ui.present.log import LogPresenter
from slskdn_tui.ui.present.status import footer_line, status_line
from slskdn_tui.ui.present.swarms import SwarmsPresenter
from slskdn_tui.ui.present.trace import TimelinePresenter, decision_words, leaf_range, telling
from slskdn_tui.ui.present.track import track_lines
from slskdn_tui.ui.widgets.table_lines import choose_columns, header_line, plain, row_line
from slskdn_tui.ui.widgets.table_model import TableModel
from tests.fakes import story

WIDE = st.text(alphabet=st.sampled_from("ab –漢字🎵e\u0301"), max_size=30)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 KB"),
        (640e3, "640 KB"),
        (4.2e6, "4.2 MB"),
        (26.8e6, "26.8 MB"),
        (231e6, "231 MB"),
        (1.5e9, "1.5 GB"),
        (9e18, "9000 PB"),
    ],
)
def test_sizes_are_short(count: float, said: str) -> None:
    assert fmt.size(count) == said


@pytest.mark.parametrize(("share", "said"), [(0, "0%"), (0.001, "1%"), (0.58, "58%"), (0.9999, "99%"), (1, "100%")])
def test_a_percentage_never_says_done_before_it_is(share: float, said: str) -> None:
    assert fmt.percent(share) == said


@pytest.mark.parametrize(("seconds", "said"), [(None, "–"), (12, "0:12"), (64.4, "1:04"), (3870, "1:04:30"), (183_600, "2d 3h")])
def test_durations(seconds: float | None, said: str) -> None:
    assert fmt.duration(seconds) == said


def test_times_are_shown_in_a_zone_and_nonsense_as_it_is() -> None:
    assert fmt.clock("2026-11-22T21:04:12+00:00", UTC) == "21:04:12"
    assert fmt.clock("soon") == "soon"


@given(st.text(alphabet="om.>x", min_size=1, max_size=400), st.integers(1, 60))
def test_a_chunk_map_keeps_failures_and_requests_whatever_its_width(cells: str, width: int) -> None:
    out = fmt.squeeze(cells, width)
    assert len(out) == width
    if len(cells) > width:
        assert ("x" in cells) == ("x" in out)


@given(WIDE, st.integers(1, 40))
def test_fitted_text_takes_exactly_its_cells(text: str, width: int) -> None:
    assert cell_len(fit(text, width)) == width
    assert cell_len(fit(text, width, "right")) == width


@given(st.lists(st.tuples(WIDE, st.sampled_from(["", "a"])), max_size=5), st.integers(0, 40))
def test_a_cropped_line_is_never_wider(line: Line, width: int) -> None:
    assert line_width(crop(tuple(line), width)) <= width


@given(WIDE, WIDE)
def test_cells_outside_the_changed_range_are_the_same(old: str, new: str) -> None:
    changed = changed_cells(((old, ""),), ((new, ""),))
    start, end = changed or (0, 0)

    def cells(text: str) -> list[str]:
        return [part for char in text for part in ([char] + [""] * (cell_len(char) - 1) if cell_len(char) else [])]

    assert cells(old)[:start] == cells(new)[:start]
    assert cells(old)[end:] == cells(new)[end:]


def test_a_change_of_style_alone_is_a_change() -> None:
    assert changed_cells((("ab", ""),), (("a", ""), ("b", "x"))) == (1, 2)


def test_wrap_cuts_only_words_that_are_too_long() -> None:
    assert wrap("one two three", 7) == ["one two", "three"]
    assert wrap("abcdefghij", 4) == ["abc…"]


def test_left_gives_way_to_right() -> None:
    assert line_width(spread((("x" * 50, ""),), (("right", ""),), 30)) == 30


def test_columns_leave_in_order_on_narrow_terminals() -> None:
    columns = SwarmsPresenter(UNICODE).columns
    assert [column.key for column, _ in choose_columns(columns, frozenset(), 80)] == ["title", "source", "state", "done", "speed", "eta"]
    assert "eta" not in [column.key for column, _ in choose_columns(columns, frozenset(), 60)]
    for width in (40, 60, 80, 120, 200):
        chosen = choose_columns(columns, frozenset(), width)
        assert line_width(header_line(chosen, "", False, UNICODE)) == width


def test_every_row_of_the_story_fills_its_width_and_joins_equal_styles() -> None:
    presenter = SwarmsPresenter(UNICODE)
    for width in (60, 80, 120):
        chosen = choose_columns(presenter.columns, frozenset(), width)
        for row in story.swarms().rows:
            line = row_line(presenter.cells(row), chosen, UNICODE, level=row.level, folded=None, tree=True)
            assert line_width(line) == width, plain(line)
            assert all(one[1] != other[1] for one, other in itertools.pairwise(line))


def test_ascii_glyphs_are_ascii() -> None:
    view = story.track(f"{story.LOVELESS}/5")
    lines = [*track_lines(view, 42, 30, ASCII), status_line(story.status(), (1, 2), 120, ASCII)]
    own = "".join(plain(line) for line in lines).replace("–", "")
    assert own.isascii()


def test_the_pane_of_a_track_says_that_its_variant_is_the_canonical_one() -> None:
    view = replace(story.track(f"{story.LOVELESS}/5"), canonical=SafeText("canonical 0.94, 80 peers agree"))
    assert " canonical 0.94, 80 peers agree" in [plain(line) for line in track_lines(view, 42, 30, UNICODE)]


def test_the_chunk_map_legend_says_where_the_bytes_came_from() -> None:
    text = "\n".join(plain(line) for line in track_lines(story.track(f"{story.LOVELESS}/5"), 42, 30, UNICODE))
    assert "slsk 12%" in text and "mesh 46%" in text and "missing 42%" in text and "RESCUE since" in text


def test_an_unreadable_trace_row_says_result_and_words() -> None:
    rows = story.trace(story.LOVELESS).rows
    wrong = next(row for row in rows if row.result == "corruption")
    cells = TimelinePresenter(UNICODE).cells(wrong)
    assert cells["result"].text == "corruption: leaf 44 does not match its digest" and cells["range"].text == "44"
    assert leaf_range(0, 0) == "" and leaf_range(65536, 1) == "1"


def test_a_decision_says_what_it_rested_on() -> None:
    rows = story.trace(story.LOVELESS).rows
    asked = next(row for row in rows if row.event == "assign")
    presenter = TimelinePresenter(UNICODE)
    whole = "cost 0.83, 1.2 MB/s, 45 ms, reputation 0.99, normal, nothing before it"
    assert decision_words(asked, "–") == whole == presenter.cells(asked)["result"].text
    presenter.shown = frozenset({"cost"})
    cells = presenter.cells(asked)
    assert [cells[name].text for name in ("cost", "reputation", "class", "result")] == ["0.83", "0.99", "normal", "nothing before it"]
    taken = next(row for row in rows if row.event == "take_back")
    assert decision_words(taken, "–").endswith("1.5 s of work before it") and "silent" in presenter.cells(taken)["result"].text
    assert decision_words(rows[0], "–") == "" and presenter.cells(rows[0])["cost"].text == "–"


def test_what_went_as_it_should_is_not_the_story() -> None:
    rows = story.trace(story.LOVELESS).rows
    left = [row.event for row in rows if telling(row)]
    assert left == ["discover", "stall", "rescue", "take_back", "chunk", "ban", "assign", "verify"]


def test_the_footer_keeps_command_and_help_when_there_is_no_room() -> None:
    keys = [("p", "pause"), ("x", "cancel"), (":", "cmd"), ("?", "help")]
    text = plain(footer_line(keys, 24))
    assert "cmd" in text and "help" in text and "cancel" not in text


def model(rows: tuple[SwarmRow, ...] | None = None) -> TableModel:
    table = TableModel(SwarmsPresenter(UNICODE))
    table.set_rows(rows if rows is not None else story.swarms().rows)
    return table


def test_albums_in_motion_are_open_and_queued_ones_closed() -> None:
    keys = [row.key for row in model().shown()]
    assert f"{story.LOVELESS}/5/b3:9f2c" in keys and f"{story.GEOGADDI}/1" not in keys


def test_folding_is_remembered_over_snapshots() -> None:
    table = model()
    assert table.toggle(story.LOVELESS, False) and not table.toggle(story.LOVELESS, False)
    table.set_rows(story.moved(story.swarms(), 3).rows)
    assert f"{story.LOVELESS}/1" not in [row.key for row in table.shown()]


def test_what_was_open_for_its_state_stays_open_when_the_state_is_over() -> None:
    table = model()
    done = tuple(replace(row, state="done", version=9) for row in story.swarms().rows)
    table.set_rows(done)
    assert f"{story.LOVELESS}/5/b3:9f2c" in [row.key for row in table.shown()]
    assert [row.level for row in model(done).shown()] == [0, 0, 0, 0]


def test_sources_of_a_finished_rescue_fold_once_another_track_moves_and_nobody_reads_them() -> None:
    track, source = f"{story.LOVELESS}/5", f"{story.LOVELESS}/5/b3:9f2c"
    done = tuple(replace(row, state="done", version=9) if row.key == track else row for row in story.swarms().rows)
    table = model()
    for cursor in (source, track):
        table.set_rows(done, cursor=cursor)
        assert source in [row.key for row in table.shown()], "the cursor is there"
    table.set_rows(done, cursor=story.LOVELESS)
    assert source not in [row.key for row in table.shown()]
    table.set_rows(story.swarms().rows, cursor=story.LOVELESS)
    assert source in [row.key for row in table.shown()], "it needs a look again"


def test_sources_that_somebody_opened_stay_open() -> None:
    track, source = f"{story.LOVELESS}/5", f"{story.LOVELESS}/5/b3:9f2c"
    done = tuple(replace(row, state="done", version=9) if row.key == track else row for row in story.swarms().rows)
    table = model()
    assert table.toggle(track, False) and table.toggle(track, True)
    table.set_rows(done)
    assert source in [row.key for row in table.shown()]


def test_what_a_new_job_may_be_told_fits_a_dialog_whole() -> None:
    width = 72
    lines = wish_lines(Constraints(), width)
    text = ["".join(part for part, _ in line) for line in lines]
    assert len(lines) == 2 and all(line_width(line) <= width for line in lines) and not any("…" in line for line in text)
    assert "mesh may help yes" in text[0] and text[1].endswith("mix users when none has all no")
    assert len(wish_lines(Constraints(), 54)) == 3


def test_a_job_names_only_those_of_its_wishes_that_are_not_the_usual_ones() -> None:
    row = story.jobs().rows[0]

    def heading(wishes: Constraints) -> str:
        return "".join(text for text, _ in job_line(JobView(1, row, "", constraint_lines(wishes), ()), row, 79, UNICODE))

    assert heading(Constraints()).rstrip().endswith(str(row.title))
    assert heading(Constraints(use_overlay=False, allow_mixed_sources=True)).endswith("   without the mesh  tracks from several users")


def test_a_filter_keeps_the_ancestors_of_a_match_and_looks_into_folded_albums() -> None:
    table = model()
    table.set_query("ready lets")
    assert [row.key for row in table.shown()] == [story.GEOGADDI, f"{story.GEOGADDI}/1"]
    table.set_query("LOVELESS valentine")
    assert len(table.shown()) == 15


def test_sorting_keeps_tracks_below_their_album() -> None:
    table = model()
    table.set_sort("done", True)
    shown = table.shown()
    assert shown[0].key == story.LOVELESS and shown[1].done == 1
    assert [row.level for row in shown][:3] == [0, 1, 1]
    for column in table.presenter.columns:
        table.set_sort(column.key, False)
        assert len(table.shown()) == len(shown)


def test_marks_of_rows_that_are_gone_are_dropped() -> None:
    table = model()
    table.marks = {story.LOVELESS, "gone"}
    table.set_rows(story.swarms().rows)
    assert table.marks == {story.LOVELESS}


@pytest.mark.parametrize(
    ("page", "top", "cursor"), [(40, 0, 0), (40, 700, 705), (40, 960, 999), (200, 300, 301), (350, 0, 0), (350, 0, 340), (350, 650, 999)]
)
def test_a_window_is_asked_for_once_and_holds_the_page_or_else_the_cursor(page: int, top: int, cursor: int) -> None:
    every = tuple(replace(story.log().rows[0], key=str(number)) for number in range(1000))
    table = TableModel(LogPresenter(UNICODE))
    table.set_rows(every[:200], 1000, 0)
    if (start := table.wanted(top, page, cursor)) is not None:
        table.set_rows(every[start : start + 200], 1000, start)
    assert table.wanted(top, page, cursor) is None, "asks again for what it cannot hold"
    assert table.at(cursor) is every[cursor] and (page > 200 or None not in [table.at(index) for index in range(top, top + page)])


def test_the_short_window_at_the_end_of_a_list_is_asked_for_again_when_the_page_begins_above_it() -> None:
    every = tuple(replace(story.log().rows[0], key=str(number)) for number in range(1000))
    table = TableModel(LogPresenter(UNICODE))
    for start in (0, 980):
        table.set_rows(every[start : start + 200], 1000, start)
    assert (wanted := table.wanted(940, 40, 990)) is not None and wanted <= 940


def test_a_window_of_a_long_list_is_addressed_by_place() -> None:
    table = TableModel(LogPresenter(UNICODE))
    rows = story.log().rows
    table.set_rows(rows, total=100_000, start=50_000)
    assert len(table) == 100_000 and table.at(50_001) is rows[1] and table.at(7) is None
    assert table.place(rows[2].key) == 50_002
    table.set_query("rescue")
    assert table.remote_filter and len(table) == 100_000
