"""What the app sends to a real terminal: nothing when idle, little for a tick, no foreign control byte, no colour when none is wanted."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
from ptyrun import Terminal, foreign

pytestmark = pytest.mark.slow
TICK_BYTES = 1200
CITIZEN = ("2", "\t\t", "2:browse x\r", "2M", "1U", "6", "3\t")
"""Keys to the long lists of Soulseek and the mesh: results, wishes, a user's folders, conversations, uploads, peers, the library's issues."""
TREE, LABELS = "4nplone\r", ("\t", "\r")
"""Keys to Discover's: a discography and where it leads; labels, the releases of one, of which the first 2,000 will do."""


def test_an_idle_screen_sends_nothing() -> None:
    with Terminal("--hz", "10") as terminal:
        terminal.until(b"help")
        terminal.quiet()
        assert terminal.read(4) == b""
        for keys in ("5", "7", "6", "\t", "2", "\t", "\t", "2u", "b", "q", "M\r", "q", "1U", "3", "\t", "4nboards\r", "\t\r"):
            terminal.press(keys)
            terminal.drawn()
            assert terminal.read(2) == b"", keys


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
@pytest.mark.parametrize("screen", ["1", "6"], ids=["swarms", "peers"])
def test_a_tick_with_three_changed_rows_is_small(size: tuple[int, int], screen: str) -> None:
    with Terminal("--hz", "10", size=size) as terminal:
        terminal.until(b"help")
        terminal.press(screen)
        terminal.quiet()
        counts = []
        for _ in range(5):
            terminal.signal(signal.SIGUSR1)
            data = terminal.drawn()
            assert b"%" in data or b"/s" in data or b"GB" in data
            counts.append(len(data))
        assert max(counts) <= TICK_BYTES, counts


def every_page(terminal: Terminal, keys: str, least: int) -> bytes:
    """Page through the list behind `keys` until that many different numbers were drawn. A page left before its rows came is met again on a slower round."""
    terminal.press(keys)
    out = terminal.quiet(1)
    for wait in (0.1, 0.5, 2.0, 8.0):
        terminal.press("g")
        out += terminal.quiet(1)
        seen = set(re.findall(rb"\d{5}", out))
        while len(seen) < least:
            terminal.press("\x04")
            page = terminal.read_some(max(4.0, wait)) + terminal.quiet(wait)
            if not page:
                break
            out += page
            seen |= set(re.findall(rb"\d{5}", page))
        else:
            return out
    raise AssertionError(f"{len(seen)} of {least} rows were drawn")


@pytest.mark.parametrize(("more", "least"), [((), 9900), (("--raw",), 500)], ids=["cleaned", "guard alone"])
def test_ten_thousand_hostile_names_on_each_screen_leave_no_foreign_control_byte(more: tuple[str, ...], least: int) -> None:
    """`guard alone` is the same with cleaning at the door left out: the filter on the output has to do it."""
    with Terminal(
        "--hostile", "10000", "--hz", "20", *more, size=(120, 480)
    ) as terminal:  # a page stays below the window of rows a screen holds
        data = terminal.until(b".flac") + terminal.quiet()
        for keys in ("1", "5", "7", "1t", *CITIZEN, TREE):
            data += every_page(terminal, keys, least)
        for keys in LABELS:
            data += every_page(terminal, keys, least // 5)
        for keys in ("2u", "b", "q", "q", "M", "\r", "q", "1", "t"):
            terminal.press(keys)
            data += terminal.quiet(0.7)
        for keys in ("]", "q", "i", "i", "?", "q", "/", "000", "\r", "q", "x", "n", "n", "loveless", "\r", "\r"):
            terminal.press(keys)
            data += terminal.quiet(0.7)
        assert foreign(data) == []
        assert b"\x1b]52" not in data and b"\x1b[2J" not in data and b"\x9b31m" not in data.replace(b"\xc2\x9b", b"\x9b")


def test_no_color_sends_no_colour() -> None:
    with Terminal("--hz", "10", NO_COLOR="1") as terminal:
        data = terminal.until(b"help") + terminal.quiet()
        terminal.press("?")
        data += terminal.quiet()
        codes = {code for group in re.findall(rb"\x1b\[([0-9;]*)m", data) for code in group.split(b";")}
        assert codes <= {b"", b"0", b"1", b"2", b"3", b"4", b"7", b"22", b"39", b"49"}, codes
        assert b"7" in codes


def test_sixteen_colours_on_an_old_terminal() -> None:
    with Terminal("--hz", "10", TERM="screen") as terminal:
        data = terminal.until(b"help") + terminal.quiet()
        assert b"38;2;" not in data and b"38;5;" not in data and b"48;5;" not in data
        assert re.search(rb"\x1b\[[0-9;]*3[1-6]", data)


def test_ascii_where_the_locale_takes_no_unicode() -> None:
    with Terminal("--hz", "10", LANG="C", LC_ALL="C") as terminal:
        data = terminal.until(b"help") + terminal.quiet()
        terminal.press("?")
        data += terminal.quiet()
        terminal.press("q5t")
        data += terminal.quiet()
        assert data.isascii()


def test_resizing_leaves_a_whole_screen_and_q_leaves_cleanly() -> None:
    with Terminal("--empty", "--hz", "10") as terminal:
        terminal.until(b"Nothing is moving")
        terminal.resize(50, 10)
        terminal.until(b"needs 60x15")
        terminal.resize(100, 30)
        terminal.until(b"Nothing is moving")
        terminal.press("q")
        data = terminal.until(b"\x1b[?1049l")
        assert terminal.wait() == 0
        assert data


def test_a_dumb_terminal_is_refused_with_what_to_use_instead() -> None:
    with Terminal(TERM="dumb") as terminal:
        data = terminal.until(b"slskdn status")
        assert b"TERM='dumb'" in data and b"\x1b[?1049h" not in data
        assert terminal.wait() != 0


def test_quitting_says_stopping_on_the_shells_screen_and_drops_what_was_typed_ahead() -> None:
    with Terminal("--empty", "--hz", "10", "--slow-stop", "--then-read") as terminal:
        terminal.until(b"Nothing is moving")
        terminal.press("q")
        data = terminal.until("stopping…".encode())
        assert data.index(b"\x1b[?1049l") < data.index("stopping…".encode())
        terminal.press("rm -r x\r")  # while the engine stops
        terminal.signal(signal.SIGUSR2)
        assert b"keys left" not in terminal.until(b"nothing left")
        assert terminal.wait() == 0


@pytest.mark.parametrize("how", ["kill", "closed connection"])
def test_a_kill_and_a_closed_connection_end_window_and_engine_in_order(how: str, tmp_path: Path) -> None:
    with Terminal("--empty", "--hz", "10", "--stopped", str(tmp_path / "stopped")) as terminal:
        terminal.until(b"Nothing is moving")
        if how == "kill":
            terminal.signal(signal.SIGTERM)
            data = terminal.until("stopping…".encode())
            assert b"\x1b[?1049l" in data and b"\x1b[?1000l" in data, "screen and mouse are the shell's again"
        else:
            terminal.hang_up()
        assert terminal.wait() == 0 and (tmp_path / "stopped").exists()
