"""What the app sends to a real terminal: nothing when idle, little for a tick, no foreign control byte, no colour when none is wanted."""

from __future__ import annotations

import re
import signal

import pytest
from ptyrun import Terminal, foreign

pytestmark = pytest.mark.slow
TICK_BYTES = 1200


def test_an_idle_screen_sends_nothing() -> None:
    with Terminal("--hz", "10") as terminal:
        terminal.until(b"help")
        terminal.quiet()
        assert terminal.read(4) == b""
        for key in "57":
            terminal.press(key)
            terminal.quiet()
            assert terminal.read(2) == b""


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
def test_a_tick_with_three_changed_rows_is_small(size: tuple[int, int]) -> None:
    with Terminal("--hz", "10", size=size) as terminal:
        terminal.until(b"help")
        terminal.quiet()
        counts = []
        for _ in range(5):
            terminal.signal(signal.SIGUSR1)
            data = terminal.quiet()
            assert b"%" in data or b"/s" in data
            counts.append(len(data))
        assert max(counts) <= TICK_BYTES, counts


@pytest.mark.parametrize("more", [(), ("--raw",)], ids=["cleaned", "guard alone"])
def test_ten_thousand_hostile_names_leave_no_foreign_control_byte(more: tuple[str, ...]) -> None:
    with Terminal("--hostile", "10000", "--hz", "10", *more, size=(120, 36)) as terminal:
        data = terminal.until(b".flac")
        for keys in (
            "i",
            "\x04\x04\x04",
            "G",
            "5",
            "\x04\x04",
            "jt",
            "]",
            "]",
            "q",
            "7",
            "\x04",
            "g",
            "/",
            "000",
            "\r",
            "q",
            "1",
            "x",
            "n",
            "n",
        ):
            terminal.press(keys)
            data += terminal.quiet(0.7)
        terminal.press("loveless\r")
        data += terminal.quiet(1)
        terminal.press("\r")
        data += terminal.quiet(1)
        assert foreign(data) == []
        assert b"]52;" not in re.sub(rb"[\x20-\x7e]*\]52;c;ZXZpbA", b"", data)  # as text it may stand there, as a command it may not
        assert len(set(re.findall(rb"\d{5}", data))) > 150


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
