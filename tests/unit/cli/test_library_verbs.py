"""What `library show` and `library trash list` print."""

from __future__ import annotations

from slskdn_tui.cli.present.render import Look
from slskdn_tui.cli.verbs.library.mending import library_lines, row_lines, trash_lines
from slskdn_tui.model.fix import TrashRow, TrashView
from slskdn_tui.model.library_view import LibraryView
from slskdn_tui.model.text import SafeText
from tests.fakes import shelf

PLAIN = Look()


def test_counts_come_first_then_the_files_of_the_kind_asked_for() -> None:
    view = shelf.library("transcode")
    assert view is not None
    text = "\n".join(library_lines(view, "transcode", PLAIN))
    assert text.index("decoding for fingerprint") < text.index("suspected transcodes") < text.index("05 Green Calx.flac")
    assert "117" in text and "job 3f2a91c0 62%" in text and "0.18" in text
    assert max(map(len, library_lines(view, "transcode", Look(80)))) <= 80


def test_one_file_is_shown_with_why() -> None:
    view = shelf.library("transcode")
    assert view is not None
    text = "\n".join(row_lines(view.rows[2]))
    assert "03 Beware" in text and "expected below 0.6" in text and "canonical 0.94" in text and "fix: get another copy" in text
    assert f"key: {view.rows[2].name}" in text
    assert library_lines(view, "/music/x.flac", PLAIN)[0] == view.rows[0].path


def test_a_library_with_nothing_wrong_or_not_checked_says_so() -> None:
    well = shelf.idle()
    assert well is not None and library_lines(well, "", PLAIN)[-1] == "Nothing wrong was found."
    assert "Not checked yet" in library_lines(LibraryView(1), "", PLAIN)[-1]


def test_the_trash_says_what_can_come_back() -> None:
    row = TrashRow("a", 1, "3f2a91c0-001", SafeText("/music/a.flac"), 3_000_000, SafeText("was MP3 once"), "2026-11-21T20:14:00Z")
    text = "\n".join(trash_lines(TrashView(1, (row,), 1, row.size), PLAIN))
    assert "3f2a91c0-001" in text and "/music/a.flac" in text and "was MP3 once" in text and "1 file, 3.0 MB" in text
    assert trash_lines(TrashView(1), PLAIN) == ["The trash is empty."]
