"""People by keys: a user's page, their files, messages, uploads; and what the status line says of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.pilot import Pilot

from slskdn_tui.model.finding import make_ref
from slskdn_tui.model.people import MessagesView
from slskdn_tui.model.text import SafeText
from slskdn_tui.seam import Command
from slskdn_tui.ui.present.base import ASCII, UNICODE, line_width
from slskdn_tui.ui.present.status import part_lines, status_line
from slskdn_tui.ui.screens.browse import BrowseScreen
from slskdn_tui.ui.screens.dialogs import Ask, Prompt
from slskdn_tui.ui.screens.messages import MessagesScreen
from slskdn_tui.ui.screens.uploads import UploadsScreen
from slskdn_tui.ui.widgets.table_lines import plain
from tests.fakes import citizen, story
from tests.fakes.driving import Make, drive, message, on_screen, until
from tests.fakes.engine import FakeEngine


async def to(pilot: Pilot[int], line: str, text: str) -> None:
    await pilot.press("colon", *line, "enter")
    await until(pilot, lambda: text in on_screen(pilot.app))  # type: ignore[arg-type]


def test_a_users_page_says_what_is_known_and_f_befriends(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to(pilot, "user mono_lith", "12,345 files in 678 folders")
        text = on_screen(app)
        assert "a slot is free, 3 upload slots, 2 waiting" in text and "4.1 MB/s on average over 1,204 uploads" in text
        assert "12 done, 1 failed, 1.2 GB" in text and "not single tracks" in text
        await pilot.press("e")
        await until(pilot, lambda: "f befriends" in message(app))
        await pilot.press("f")
        await until(pilot, lambda: bool(engine.commands))

    drive(app, steps)
    assert engine.commands == [Command("friends.add", {"user": "mono_lith"})]


def test_a_friend_is_one_no_longer_with_the_same_key_and_keeps_a_note(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to(pilot, "user bluenote59", "met over mono pressings")
        await pilot.press("f")
        await until(pilot, lambda: len(engine.commands) == 1)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        await pilot.press("ctrl+u", *"kind", "enter")
        await until(pilot, lambda: len(engine.commands) == 2)

    drive(app, steps)
    assert engine.commands == [
        Command("friends.remove", {"user": "bluenote59"}),
        Command("friends.add", {"user": "bluenote59", "note": "kind"}),
    ]


def test_a_ban_asks_first(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to(pilot, "user mono_lith", "12,345 files")
        await pilot.press("B")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        assert "no files" in on_screen(app)
        await pilot.press("n", "B")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("y")
        await until(pilot, lambda: bool(engine.commands))

    drive(app, steps)
    assert engine.commands == [Command("bans.add", {"user": "mono_lith"})]


def test_a_user_nobody_knows_is_told(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to(pilot, "user nobody", "the server knows no such user")

    drive(app, steps)


def test_folders_open_with_their_files_and_a_file_is_got(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to(pilot, "browse dj_kode", "12,345 files, 678 folders, 230 GB")
        assert "1970 - Bitches Brew/CD2" in on_screen(app) and "So What" not in on_screen(app)
        await pilot.press("enter")
        await until(pilot, lambda: "01 So What.flac" in on_screen(app))
        await pilot.press("j", "enter", "A")
        await until(pilot, lambda: len(engine.commands) == 2)
        asked = [key.subject for key in engine.asked if key.screen == "browse"]
        await app.poller.poll()
        assert asked.count("dj_kode\n@@music\\Miles Davis\\1959 - Kind of Blue [24-96]") == 1, "a folder's files are asked for once"

    drive(app, steps)
    assert engine.commands == [
        Command("get.add", {"refs": [citizen.FOLDERS[1][1].ref]}),
        Command("get.add", {"refs": [make_ref("dj_kode", "@@music\\Miles Davis\\1959 - Kind of Blue [24-96]", folder=True)]}),
    ]


def test_a_list_of_files_opens_at_the_first_folder_that_holds_some(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to(pilot, "browse nested", "@@music/Plone/CD1")
        assert app.live.main.row.title == "@@music/Plone/CD1"

    drive(app, steps)


def test_a_filter_finds_folders(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to(pilot, "browse dj_kode", "678 folders")
        await pilot.press("slash", *"bitches", "enter")
        await until(pilot, lambda: len(app.live.main.model) == 2)

    drive(app, steps)


@pytest.mark.parametrize(("user", "said"), [("slow", "Asking slow for the list of files"), ("nobody", "nobody is offline")])
def test_a_list_that_is_not_there_says_why(engine: FakeEngine, make_app: Make, user: str, said: str) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to(pilot, f"browse {user}", said)
        assert isinstance(app.screen, BrowseScreen)

    drive(app, steps)


def test_messages_are_read_by_opening_them_and_answered_with_r(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("M")
        await until(pilot, lambda: "2 not read" in on_screen(app))
        assert engine.commands == [], "the list alone reads nothing"
        await pilot.press("enter")
        await until(pilot, lambda: "somebody walks over" in on_screen(app))
        await until(pilot, lambda: len(engine.commands) == 1)
        await app.poller.poll()
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        await pilot.press(*"thank you", "enter")
        await until(pilot, lambda: len(engine.commands) == 2)
        await pilot.press("q")
        await until(pilot, lambda: "2 not read" in on_screen(app))
        await pilot.press("q")
        await until(pilot, lambda: not isinstance(app.screen, MessagesScreen))

    drive(app, steps)
    assert engine.commands == [
        Command("message.read", {"user": "bluenote59"}),
        Command("message.send", {"user": "bluenote59", "text": ["thank you"]}),
    ]


def test_writing_to_somebody_new_asks_for_both(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("M", "n")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        await pilot.press(*"carol", "enter")
        await until(pilot, lambda: isinstance(app.screen, Prompt) and "To carol" in app.screen.title_text)
        await pilot.press(*"hi", "enter")
        await until(pilot, lambda: bool(engine.commands))
        await until(pilot, lambda: "Messages ▸ carol" in on_screen(app))

    drive(app, steps)
    assert engine.commands == [Command("message.send", {"user": "carol", "text": ["hi"]})]


def test_a_message_that_comes_while_its_conversation_is_open_is_read_too(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to(pilot, "message list bluenote59", "somebody walks over")
        await until(pilot, lambda: len(engine.commands) == 1)
        view = citizen.messages("bluenote59")
        more = replace(view.rows[-1], key="9", text=SafeText("still there?"))
        engine.views["messages"] = MessagesView(9, (*(replace(row, read=True) for row in view.rows), more), 1)
        await app.poller.poll()
        await until(pilot, lambda: "still there?" in on_screen(app))
        await until(pilot, lambda: len(engine.commands) == 2)
        assert app.live.main.cursor_index == len(app.live.main.model) - 1

    drive(app, steps)


def test_uploads_name_group_and_place_and_x_stops_one_user(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("U")
        await until(pilot, lambda: isinstance(app.screen, UploadsScreen) and "Archangel" in on_screen(app))
        text = on_screen(app)
        assert "leechers" in text and "#3" in text and "12,402 files in 811 folders shared" in text
        assert "1 of 2 slots" in text and "at most 50 KB/s" in text
        await pilot.press("G", "x")
        await until(pilot, lambda: bool(engine.commands))
        await pilot.press("q")
        await until(pilot, lambda: not isinstance(app.screen, UploadsScreen))

    drive(app, steps)
    assert engine.commands == [Command("uploads.stop", {"user": "freeloader"})]


def test_status_tells_how_rescues_fared_and_what_the_gate_holds() -> None:
    view = replace(story.status(), rescues=(12, 10, 3), searches_waiting=2, search_wait=41.0)
    text = "\n".join(plain(line) for line in part_lines(view, "here", 60))
    assert "12 begun, 10 of them completed" in text and "2 wait; the next may go in 41 s" in text
    assert "rescues" not in "\n".join(plain(line) for line in part_lines(story.status(), "here", 60))


WORDS = SafeText("somebody else logged in as alice; `slskdn soulseek reconnect` logs in again")


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_status_line_fits_and_says_unread_wishes_and_why_it_is_offline(width: int, glyphs: object) -> None:
    fine = replace(story.status(), unread=2, wishes_new=1)
    line = status_line(fine, (1.0, 2.0), width, glyphs)  # type: ignore[arg-type]
    assert line_width(line) <= width
    assert ("✉ 2" if glyphs is UNICODE else "2 msgs") in plain(line)
    if width >= 80:
        assert "wishes 1 new" in plain(line)
    kicked = replace(fine, soulseek="kicked", soulseek_words=WORDS, parts=())
    line = status_line(kicked, (), width, glyphs)  # type: ignore[arg-type]
    assert line_width(line) <= width and "kicked" in plain(line)
    if width >= 80:
        assert "somebody else logged in" in plain(line)


def test_a_filter_of_a_list_of_files_that_cannot_be_read_leaves_the_list(engine: FakeEngine, make_app: Make) -> None:
    app = make_app(engine)

    async def steps(pilot: Pilot[int]) -> None:
        await to(pilot, "browse dj_kode", "678 folders")
        await pilot.press("slash", *"bogus", "enter")
        await until(pilot, lambda: "! `bogus` is no field" in on_screen(app))
        assert len(app.live.main.model) == 4
        await pilot.press("q")
        await until(pilot, lambda: "678 folders" in on_screen(app))

    drive(app, steps)
