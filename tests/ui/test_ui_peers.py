"""Peers by keys: the report and its window, the list, one peer in detail, block and reset that ask; the words at every size."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.pilot import Pilot

from slskdn_tui.model.peers import PeersView
from slskdn_tui.model.text import SafeText
from slskdn_tui.seam import Command
from slskdn_tui.ui.present import format as fmt
from slskdn_tui.ui.present.base import ASCII, UNICODE, line_width
from slskdn_tui.ui.present.peers import peer_lines, report_lines, report_short
from slskdn_tui.ui.screens.dialogs import Ask
from slskdn_tui.ui.screens.peers import PeersScreen
from slskdn_tui.ui.widgets.table_lines import plain
from tests.fakes import mesh
from tests.fakes.driving import Make, drive, message, on_screen, until
from tests.fakes.engine import FakeEngine


def test_6_shows_at_once_how_this_node_stands_and_who_its_peers_are(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("6")
        await until(pilot, lambda: "Healthy contributor" in on_screen(app))
        text = on_screen(app)
        assert "42.3 GB" in text and "68.7 GB" in text and "3.6:1" in text and "at least 1.0" in text
        assert "b3:9f2c" in text and "avoided until" in text and "2 connected" in text
        await pilot.press("G")
        await until(pilot, lambda: message(app) == "blocked by you: sent wrong bytes twice")

    drive(app, steps)


def test_w_shows_today_and_back_and_tab_the_list_alone(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("6")
        await until(pilot, lambda: "last 7 days" in on_screen(app))
        await pilot.press("w")
        await until(pilot, lambda: "today [w]" in on_screen(app) and "10.2 GB" in on_screen(app))
        await pilot.press("w")
        await until(pilot, lambda: "last 7 days" in on_screen(app) and "111 GB" in on_screen(app))
        await pilot.press("tab")
        await until(pilot, lambda: "2 connected, 6 known, 1 avoided, 1 blocked" in on_screen(app))
        assert "[Peers]" in on_screen(app) and "Uploaded" not in on_screen(app)
        await pilot.press("shift+tab")
        await until(pilot, lambda: "Uploaded" in on_screen(app))

    drive(app, steps)
    assert {key.subject for key in engine.asked if key.screen == "contribution"} == {"", "1"}


def test_a_block_asks_says_what_is_lost_and_names_the_peer(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("6")
        await until(pilot, lambda: "b3:9f2c" in on_screen(app))
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        assert "disconnected" in on_screen(app) and "b3:9f2c" in on_screen(app)
        await pilot.press("n")
        await until(pilot, lambda: "left as it was" in message(app))
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("y")
        await until(pilot, lambda: len(engine.commands) == 1)
        await pilot.press("G", "u")
        await until(pilot, lambda: len(engine.commands) == 2)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        assert "is lost" in on_screen(app)
        await pilot.press("y")
        await until(pilot, lambda: len(engine.commands) == 3)

    drive(app, steps)
    node, blocked = mesh.NODES["b3:9f2c"], mesh.NODES["b3:d0d0"]
    assert engine.commands == [
        Command("peers.block", {"peer": node, "yes": True}),
        Command("peers.unblock", {"peer": blocked}),
        Command("peers.reset", {"peer": blocked, "yes": True}),
    ]


def test_marked_peers_are_blocked_together_after_one_question(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("6")
        await until(pilot, lambda: "b3:9f2c" in on_screen(app))
        await pilot.press("space", "space", "b")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        assert "2 peers" in on_screen(app)
        await pilot.press("y")
        await until(pilot, lambda: len(engine.commands) == 2)

    drive(app, steps)


def test_enter_shows_a_peer_in_detail_where_there_is_no_room_beside_and_q_goes_back(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("6")
        await until(pilot, lambda: "b3:9f2c" in on_screen(app))
        await pilot.press("enter")
        await until(pilot, lambda: "18,204 good" in on_screen(app))
        assert "mono_lith (as it says)" in on_screen(app)
        await pilot.press("q")
        await until(pilot, lambda: "NOTE" in on_screen(app) and isinstance(app.live, PeersScreen))

    drive(app, steps)


def test_the_mesh_section_says_how_this_node_stands_and_that_it_is_behind_nat(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("6", "tab", "tab")
        await until(pilot, lambda: "3 neighbours, 2 reachable; you are behind NAT" in on_screen(app))
        assert "adverts of 41 other nodes" in on_screen(app) and "[Mesh]" in on_screen(app) and "b3:9f2c" in on_screen(app)
        await pilot.press("tab", "tab")
        await until(pilot, lambda: "[Contribution]" in on_screen(app))

    drive(app, steps)


def test_the_line_shows_a_peer_and_the_report(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("colon", *"peers show b3:77", "enter")
        await until(pilot, lambda: "6,120 good" in on_screen(app))
        await pilot.press("1", "colon", *"contribution --days 1", "enter")
        await until(pilot, lambda: "today [w]" in on_screen(app))
        await pilot.press("colon", *"peers show nobody", "enter")
        await until(pilot, lambda: "no peer nobody is known" in message(app))
        await pilot.press("1", "colon", *"peers", "enter")
        await until(pilot, lambda: isinstance(app.live, PeersScreen))
        await pilot.press("colon", *"contribution --days x", "enter")
        await until(pilot, lambda: "wants a number" in message(app))

    drive(app, steps, (120, 36))


def test_a_changed_list_keeps_the_cursor_and_the_pane_follows(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("6", "j")
        await until(pilot, lambda: "6,120 good" in on_screen(app))
        view = mesh.peers()
        assert view is not None
        first, second, *rest = view.rows
        moved = replace(second, version=2, good_chunks=6_121, down=9_000_000_000)
        engine.views["peers"] = replace(view, version=2, rows=(moved, first, *rest))
        await app.poller.poll()
        await until(pilot, lambda: "6,121 good" in on_screen(app))
        assert app.live.main.row.name == "b3:77aa"
        engine.views["peers"] = PeersView(3)
        await app.poller.poll()
        await until(pilot, lambda: "No peer is known yet." in on_screen(app))
        assert "r on Swarms" in on_screen(app)

    drive(app, steps, (120, 36))


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize("width", [60, 76, 80, 120])
def test_the_report_fits_and_says_what_is_broken_what_is_held_back_and_until_when(width: int, glyphs: object) -> None:
    for view in (mesh.contribution(), mesh.leeching(), mesh.quiet()):
        for lines in (report_lines(view, width, glyphs), report_short(view, width, glyphs)):  # type: ignore[arg-type]
            assert max(line_width(line) for line in lines) <= width
            if glyphs is ASCII:
                assert "".join(plain(line) for line in lines).replace("–", "").isascii()
    text = "\n".join(plain(line) for line in report_lines(mesh.leeching(), width, glyphs))  # type: ignore[arg-type]
    assert "broken" in text and "18.1 GB more to give" in text and "no overlay downloads before" in text and "until 00:00 UTC" in text
    short = "\n".join(plain(line) for line in report_short(mesh.leeching(), width, glyphs))  # type: ignore[arg-type]
    assert "no overlay" in short


def test_a_long_report_gives_way_to_the_list() -> None:
    whole, tight = report_lines(mesh.leeching(), 80, UNICODE), report_lines(mesh.leeching(), 80, UNICODE, 12)
    assert len(tight) == 11 < len(whole) and all(tight)
    packed = [plain(line) for line in report_lines(mesh.leeching(), 80, UNICODE, 9)]
    assert len(packed) == 9 and "12.0 GB  Mesh   500 MB" in packed[1] and "per day" in packed[-1], "the planes share a line"
    assert len(report_lines(mesh.leeching(), 80, UNICODE, 8)) == 8, "the days go last"


def test_at_24_rows_ten_peers_are_seen_below_the_report_and_with_few_the_report_is_roomy(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)
    few = mesh.peers()
    assert few is not None
    many = tuple(replace(few.rows[0], key=f"n{at}", peer=f"n{at}", name=SafeText(f"b3:n{at:02}")) for at in range(20))

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("6")
        await until(pilot, lambda: "Soulseek  42.3 GB  █" in on_screen(app) and "b3:9f2c" in on_screen(app))
        engine.views["peers"] = PeersView(9, many, len(many), 2)
        await pilot.press("7", "6")  # asked anew
        await until(pilot, lambda: "b3:n09" in on_screen(app) and "Soulseek  42.3 GB  Mesh  68.7 GB" in on_screen(app))
        assert "at most 50.0 GB" in on_screen(app) and "per day" in on_screen(app)

    drive(app, steps)


def test_a_bar_of_something_never_looks_like_nothing() -> None:
    assert fmt.measure(0.0, 20, UNICODE) == "" and fmt.measure(1e-9, 20, UNICODE) == "▏" and fmt.measure(1e-9, 20, ASCII) == "#"
    assert fmt.measure(1.0, 20, UNICODE) == "█" * 20 and fmt.measure(0.5, 3, UNICODE) == "█▌"
    assert fmt.heights([0, 5, 10], 10, UNICODE) == "▁▅█" and fmt.heights([0, 0], 0, ASCII) == ".."


def test_details_of_a_peer_fit_and_cut_what_attacks() -> None:
    view = mesh.peers()
    assert view is not None
    for row in view.rows:
        evil = replace(row, soulseek=SafeText("\x1b[2Jevil" * 30), note=SafeText("x" * 300))
        for line in peer_lines(evil, 42, 30, UNICODE):
            assert line_width(line) <= 42 and "\x1b" not in plain(line)
