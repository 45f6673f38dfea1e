"""Words on a terminal are broken between words, never inside one."""

from __future__ import annotations

import pytest

from slskdn_tui.cli.context import fold
from slskdn_tui.cli.hooks import CheckLine
from slskdn_tui.cli.verbs.check import _lines


@pytest.mark.parametrize("width", [40, 60, 80])
def test_what_is_said_on_a_terminal_is_never_cut_inside_a_word(width: int) -> None:
    text = "  Without an account nothing can be found. Any name that nobody has makes a new one; an empty line again stops here."
    lines = fold(text, width).split("\n")
    assert " ".join(" ".join(lines).split()) == text.strip()
    assert all(len(line) <= width and line.startswith("  ") for line in lines)


def test_what_check_advises_stands_in_its_column_at_80_cells_and_whole_in_a_pipe() -> None:
    line = CheckLine(
        "share", "warn", "nothing is shared", "Many users refuse those who share nothing: add folders to soulseek.share, and so on."
    )
    on_terminal, piped = list(_lines([line], 80)), list(_lines([line], None))
    assert all(len(each) <= 80 for each in on_terminal) and len(on_terminal) == 3 and len(piped) == 2
    column = on_terminal[0].index("nothing")
    assert all(each[:column].isspace() and not each[column].isspace() for each in on_terminal[1:])
