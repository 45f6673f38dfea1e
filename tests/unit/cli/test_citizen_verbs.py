"""`search`, `get`, `browse`, `user` and the lists beside them, over a scripted engine."""

import io
import json
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from slskdn_tui.cli.app import run
from slskdn_tui.cli.hooks import Hooks
from slskdn_tui.cli.present import finding, people, sharing
from slskdn_tui.cli.present.render import Look
from slskdn_tui.cli.verbs import finding as finding_verbs
from slskdn_tui.cli.verbs import getting
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.finding import (
    BrowseView,
    FilterRow,
    FiltersView,
    GroupRow,
    LimitsView,
    SearchRow,
    SearchView,
    UploadLine,
    UploadsView,
    WishesView,
    WishRow,
    make_ref,
    read_ref,
)
from slskdn_tui.model.people import MessageRow, MessagesView, PeopleView, PersonRow, UserView
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import CandidateRow, CandidatesView, EngineEvent, JobRow, JobView, LogView, Snapshot, StatusView, ViewKey
from slskdn_tui.seam import Command, Result

WIDE = Look(100)
FOLDER = SearchRow(
    "f", 1, 0, SafeText("Kind of Blue"), SafeText("mono"), make_ref("mono", "Music\\Kind of Blue", True), SafeText("FLAC 16/44"),
    0.9, True, 0, 2_000_000, 700_000_000, files=5, username="mono",
)  # fmt: skip
FILE = SearchRow(
    "g", 1, 1, SafeText("01 So What.flac"), SafeText("mono"), make_ref("mono", "Music\\Kind of Blue\\01 So What.flac"),
    SafeText("FLAC 16/44"), 0.9, True, size=231_000_000, seconds=562, username="mono",
)  # fmt: skip
FOUND = SearchView(
    3, "1", SafeText("kind of blue"), "done", users=61, files=412, shown_users=12, shown_files=38, rows=(FOLDER, FILE), total=2
)
HIT = CandidateRow(
    "a", 1, "4f5a6b97-a09b-4893-80d1-eae1f3bfa221", SafeText("For Beginner Piano"), SafeText("Plone"), "1999", "GB", "CD", 10
)
JOB = JobRow("j", 1, "0f4de638-x", "mb_release", SafeText("Loveless"), SafeText("MBV"), "active", 1, 2, 0.5, 0.0, "2026-11-23T15:30:00Z")


class Scripted:
    """Answers by screen from `views` (a list is taken one by one, the last stays); keeps what was submitted."""

    description = "scripted"

    def __init__(self) -> None:
        self.sent: list[Command] = []
        self.results: dict[str, list[Result]] = {}
        self.views: dict[str, list[Any]] = {}

    async def start(self) -> None: ...
    async def stop(self) -> None: ...

    async def submit(self, command: Command) -> Result:
        self.sent.append(command)
        waiting = self.results.get(command.name, [Result()])
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    def events(self) -> AsyncIterator[EngineEvent]:
        raise NotImplementedError

    async def snapshot(self, view: ViewKey, since: int = 0) -> Snapshot:
        waiting = self.views[view.screen]
        made = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return made(view) if callable(made) else made


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    monkeypatch.setattr(getting, "POLL_S", 0.0)
    monkeypatch.setattr(finding_verbs, "POLL_S", 0.0)
    return Scripted()


@pytest.fixture
def slskdn(engine: Scripted, tmp_path: Path) -> Callable[..., int]:
    async def connect(*args: Any) -> Scripted:
        return engine

    def none(*args: Any) -> Any:
        raise AssertionError("not this")

    hooks = Hooks(connect, none, none, none, none, none, none, none)
    return lambda *words: run([str(word) for word in words], hooks, {"SLSKDN_PROFILE": str(tmp_path)})


Capture = pytest.CaptureFixture[str]
Slskdn = Callable[..., int]


@pytest.mark.parametrize("user", ["bob", "a b/c", "ü%", "x/y"])
@pytest.mark.parametrize("path", ["Music\\a b\\01 – ü.flac", "@@x\\y/z", "a%2Fb", "odd \udcff"])
def test_a_printed_reference_is_read_back_as_the_same_file(user: str, path: str) -> None:
    for folder in (False, True):
        ref = make_ref(user, path, folder)
        assert ref.isascii() and " " not in ref
        assert read_ref(ref) == (user, path, folder)


def test_a_search_prints_folders_with_what_get_takes(slskdn: Slskdn, engine: Scripted, capsys: Capture) -> None:
    engine.results["search.ask"] = [Result(data={"search": "1"})]
    engine.views["search"] = [SearchView(1), replace(FOUND, state="waiting", wait_s=12.0), replace(FOUND, state="searching"), FOUND]
    engine.views["status"] = [StatusView(1, soulseek="online")]
    assert slskdn("search", "kind", "of", "blue", "--filter", "lossless") == 0
    out, err = capsys.readouterr()
    assert engine.sent == [Command("search.ask", {"query": "kind of blue"})]
    assert "Kind of Blue  [mono]" in out and FOLDER.ref in out and "01 So What.flac" in out
    assert "412 files of 61 users; 38 of 12 pass the filter" in out
    assert "the search gate holds this search for 12 s" in err


def test_a_search_before_the_login_says_what_it_waits_for(slskdn: Slskdn, engine: Scripted, capsys: Capture) -> None:
    engine.results["search.ask"] = [Result(data={"search": "1"})]
    engine.views["search"] = [SearchView(1), replace(FOUND, state="waiting", wait_s=1.0), FOUND]
    engine.views["status"] = [StatusView(1, soulseek="offline", soulseek_words=SafeText("cannot reach the server"))]
    assert slskdn("search", "blue") == 0
    err = capsys.readouterr().err
    assert "(not logged in, the search waits: cannot reach the server)" in err and "gate" not in err


def test_a_filter_that_cannot_be_read_costs_no_search(slskdn: Slskdn, engine: Scripted, capsys: Capture) -> None:
    engine.views["search"] = [SearchView(1, error=SafeText("`bitrat` is no filter"))]
    assert slskdn("search", "x", "--filter", "bitrat>3") == 2
    assert engine.sent == [] and "bitrat" in capsys.readouterr().err


def test_a_search_as_json_holds_to_its_limit(slskdn: Slskdn, engine: Scripted, capsys: Capture) -> None:
    engine.results["search.ask"] = [Result(data={"search": "1"})]
    engine.views["search"] = [replace(FOUND, rows=(FOLDER, FILE, replace(FOLDER, key="h")), total=3)]
    assert slskdn("search", "x", "--limit", "1", "--json") == 0
    assert [row["level"] for row in json.loads(capsys.readouterr().out)["rows"]] == [0, 1]


def test_references_come_from_standard_input_too() -> None:
    assert getting.references(["a", "-"], ["b\n", "", "# c", "a"]) == ["a", "b"]
    assert getting.references(["-"], ["\ufeffb\r\n", "c"]) == ["b", "c"], "as Windows writes a list"


def test_get_makes_a_job_of_each_reference_and_goes_on_after_a_wrong_one(
    slskdn: Slskdn, engine: Scripted, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{HIT.mbid}\nPlone - For Beginner Piano\nNobody - Nothing\n{FILE.ref}\n"))
    engine.views["candidates"] = [CandidatesView(1, (HIT,))]
    engine.results["jobs.create"] = [Result(message=SafeText("job 0f4de638"), data={"job_id": "0f4de638-x"})]
    engine.results["get.add"] = [Result("refused", SafeText("mono is not online"), SafeText("wish for it"))]
    assert slskdn("get", "-", "--mix", "--destination", "vinyl") == 4
    creates = [sent.args["reference"] for sent in engine.sent if sent.name == "jobs.create"]
    assert creates == [HIT.mbid, HIT.mbid]
    assert all(sent.args["mix"] is True and sent.args["destination"] == "vinyl" for sent in engine.sent if sent.name == "jobs.create")
    assert engine.sent[-1] == Command("get.add", {"refs": [FILE.ref], "destination": "vinyl"})
    out, err = capsys.readouterr()
    assert out.count("job 0f4de638") == 2
    assert "Nobody - Nothing" in err and "Plone - For Beginner Piano" in err and "mono is not online" in err


@pytest.mark.parametrize(("end", "code"), [("completed", 0), ("failed", 1), ("cancelled", 1), ("paused", 1)])
def test_get_waits_and_its_exit_code_tells_how_it_ended(slskdn: Slskdn, engine: Scripted, capsys: Capture, end: str, code: int) -> None:
    engine.results["jobs.create"] = [Result(message=SafeText("job 0f4de638"), data={"job_id": "0f4de638-x"})]
    states = ("new", "active", end)
    engine.views["job"] = [JobView(at, replace(JOB, state=state), "", (), ()) for at, state in enumerate(states)]
    assert slskdn("get", HIT.mbid, "--wait", "--json") == code
    out, err = capsys.readouterr()
    assert json.loads(out)[0]["state"] == end and err.count("Loveless") == 3


def test_get_gives_up_waiting_when_asked_to_and_says_that_the_job_goes_on(slskdn: Slskdn, engine: Scripted, capsys: Capture) -> None:
    engine.results["jobs.create"] = [Result(data={"job_id": "0f4de638-x"})]
    engine.views["job"] = [JobView(1, JOB, "", (), ())]
    assert slskdn("get", HIT.mbid, "--wait", "--timeout", "0") == 13
    assert "the job goes on" in capsys.readouterr().err


def test_text_is_a_release_only_when_it_is_surely_meant() -> None:
    assert finding.choose("plone - for beginner piano", (HIT,)) == HIT.mbid
    assert finding.choose("For Beginner Piano", (HIT,)) == HIT.mbid
    with pytest.raises(UserError, match="surely"):
        finding.choose("plone - beginner", (HIT,))


def test_browsing_waits_until_the_user_has_answered(slskdn: Slskdn, engine: Scripted, capsys: Capture) -> None:
    done = BrowseView(2, SafeText("mono"), "done", rows=(FOLDER,), total=9, files=412, bytes=10**9)
    engine.views["browse"] = [BrowseView(1), done]
    assert slskdn("browse", "mono") == 0
    assert FOLDER.ref in (out := capsys.readouterr().out) and "412 files, 1.0 GB; 1 of 9 lines shown" in out
    engine.views["browse"] = [BrowseView(1, SafeText("mono"), "failed", error=SafeText("mono is not online"))]
    assert slskdn("browse", "mono") == 6


def test_a_user_is_shown_with_our_own_history(slskdn: Slskdn, engine: Scripted, capsys: Capture) -> None:
    engine.views["user"] = [
        UserView(1),
        UserView(
            2, SafeText("mono"), "done", "online", "friend", SafeText("jazz"), files=10, slots=2, free=False, queue=4, done=3, failed=1
        ),
    ]
    people_views = capsys
    assert slskdn("user", "mono") == 0
    out = people_views.readouterr().out
    assert "a friend" in out and "2 slots, busy, 4 queued" in out and "3 of 4 transfers done" in out


def test_reading_a_wish_marks_it_as_seen(slskdn: Slskdn, engine: Scripted) -> None:
    engine.views |= {"search": [FOUND], "wishes": [WishesView(1)]}
    assert slskdn("wishlist", "show", "7") == 0
    assert engine.sent == [Command("wishlist.seen", {"wish": "7"})]


def test_a_wish_without_results_says_when_it_is_searched_next(slskdn: Slskdn, engine: Scripted, capsys: Capture) -> None:
    wish = WishRow("w", 1, "7", SafeText("x"), next_s=720.0)
    engine.views |= {"search": [SearchView(1)], "wishes": [WishesView(1, (wish,), 720.0)]}
    assert slskdn("wishlist", "show", "7") == 4
    out = capsys.readouterr().out
    assert "searched next in 12:00" in out and "wishlist add" not in out
    assert "off" in finding.following(WishesView(1, (wish,), enabled=False), "7")
    assert "once the engine is online" in finding.following(WishesView(1, (replace(wish, next_s=None),)), "7")


@pytest.mark.parametrize("json_too", [(), ("--json",)])
def test_a_search_that_finds_nothing_prints_all_the_same_and_its_exit_code_says_so(
    slskdn: Slskdn, engine: Scripted, capsys: Capture, json_too: tuple[str, ...]
) -> None:
    engine.results["search.ask"] = [Result(data={"search": "1"})]
    engine.views["search"] = [SearchView(1, "1", SafeText("x"), "done")]
    assert slskdn("search", "x", *json_too) == 4
    out, err = capsys.readouterr()
    assert not err and (json.loads(out)["rows"] == [] if json_too else "Nobody has it now" in out)


def test_each_file_has_its_reference_for_a_script_and_a_terminal_says_how_to_get_one() -> None:
    piped, shown = (finding.search(FOUND, (FOLDER, FILE), look) for look in (Look(None), WIDE))
    assert f"      {FILE.ref}" in piped and not any("one of its files" in line for line in piped)
    assert not any(FILE.ref in line for line in shown) and "one of its files" in shown[-1]
    assert read_ref(f"{FOLDER.ref}01 So What.flac") == ("mono", "Music\\Kind of Blue/01 So What.flac", False)


def test_what_is_empty_is_a_wrong_line(slskdn: Slskdn, engine: Scripted, capsys: Capture) -> None:
    for words, told in ((("get", ""), "nothing to get"), (("search", " "), "nothing to search for")):
        assert slskdn(*words) == 2
        assert told in capsys.readouterr().err
    assert engine.sent == []


def test_a_reference_without_a_path_is_not_taken_for_an_album(slskdn: Slskdn, engine: Scripted) -> None:
    engine.results["get.add"] = [Result("usage", SafeText("names no file or folder"))]
    assert slskdn("get", "slsk://dj_kode") == 2
    assert [sent.name for sent in engine.sent] == ["get.add"]


def test_get_waits_for_a_job_that_is_under_way_already(slskdn: Slskdn, engine: Scripted, capsys: Capture) -> None:
    engine.results["jobs.create"] = [Result("refused", SafeText("job 0f4de638 already fetches Loveless"), data={"job_id": "0f4de638-x"})]
    engine.views["job"] = [JobView(1, replace(JOB, state="completed"), "", (), ())]
    assert slskdn("get", HIT.mbid, "--wait") == 0
    assert "is being got already: job 0f4de638" in capsys.readouterr().out
    engine.results["jobs.create"] = [Result("refused", SafeText("you have it"), data={"had_by": "0f4de638-x"})]
    assert slskdn("get", HIT.mbid) == 10


@pytest.mark.parametrize("json_too", [(), ("--json",)])
def test_who_is_not_there_is_said_once_with_the_same_exit_code(
    slskdn: Slskdn, engine: Scripted, capsys: Capture, json_too: tuple[str, ...]
) -> None:
    words = "there is no Soulseek user nobody; check the spelling (upper and lower case count)"
    engine.views["user"] = [UserView(1, SafeText("nobody"), "failed", error=SafeText(words), code="not_found")]
    engine.views["browse"] = [BrowseView(1, SafeText("nobody"), "failed", error=SafeText(words), code="not_found")]
    for verb in ("user", "browse"):
        assert slskdn(verb, "nobody", *json_too) == 4
        out, err = capsys.readouterr()
        assert err.count(words) == 1 and (json.loads(out)["code"] == "not_found" if json_too else not out)


def test_a_list_that_was_cut_is_printed_and_says_so(slskdn: Slskdn, engine: Scripted, capsys: Capture) -> None:
    engine.views["browse"] = [BrowseView(1, SafeText("mono"), "done", rows=(FOLDER,), total=1, error=SafeText("only the first 2 files"))]
    assert slskdn("browse", "mono") == 0
    out, err = capsys.readouterr()
    assert FOLDER.ref in out and "only the first 2 files" in err


def test_bans_have_no_status_and_friends_do() -> None:
    person = PersonRow("p", 1, SafeText("bob"), "friend", SafeText(""), "2026-11-23T10:00:00Z", "online")
    assert "online" in people.relations(PeopleView(1, (person,)), "friends", WIDE)[1]
    assert "STATUS" not in people.relations(PeopleView(1, (replace(person, relation="banned"),)), "bans", WIDE)[0]


@pytest.mark.parametrize("verb", ["uploads", "limits", "user bob", "browse bob", "search x"])
def test_what_only_an_engine_knows_asks_for_one_in_the_same_words(verb: str, tmp_path: Path, capsys: Capture) -> None:
    async def connect(paths: Any, settings: Any, need: str) -> Scripted:
        assert need == "live"
        raise UserError("no_engine", "no engine runs for this profile", "start one")

    def none(*args: Any) -> Any:
        raise AssertionError("not this")

    assert run(verb.split(), Hooks(connect, none, none, none, none, none, none, none), {"SLSKDN_PROFILE": str(tmp_path)}) == 5
    assert capsys.readouterr().err == "slskdn: no engine runs for this profile\n  start one\n"


def test_a_log_that_is_not_there_yet_is_said(slskdn: Slskdn, engine: Scripted, capsys: Capture) -> None:
    engine.views["log"] = [LogView(0)]
    assert slskdn("log") == 0
    assert "nothing was logged" in capsys.readouterr().err


def test_every_list_says_what_to_do_when_it_is_empty_and_fits_its_width() -> None:
    assert "wishlist add" in finding.wishes(WishesView(1), WIDE)[0]
    assert "filters save" in finding.filters(FiltersView(1), WIDE)[0]
    assert "friends add" in people.relations(PeopleView(1), "friends", WIDE)[0]
    assert people.messages(MessagesView(1), "", WIDE) == ["No messages."]
    wish = WishRow("w", 1, "7", SafeText("burial " * 30), auto=True, new=2, found=5)
    message = MessageRow("m", 1, SafeText("bob"), "in", "2026-11-23T10:00:00Z", SafeText("hello " * 60), False, 1)
    person = PersonRow("p", 1, SafeText("bob"), "friend", SafeText("note " * 40), "2026-11-23T10:00:00Z")
    upload = UploadLine("u", 1, SafeText("a" * 90), SafeText("p"), SafeText("bob"), "friends", "slsk", "queued", 3, 0, 100, 0.0)
    for lines in (
        finding.wishes(WishesView(1, (wish,), 720.0), WIDE),
        finding.filters(FiltersView(1, (FilterRow("f", 1, SafeText("loud"), SafeText("lossless " * 30)),)), WIDE),
        people.messages(MessagesView(1, (message,), 1), "", WIDE),
        people.relations(PeopleView(1, (person,)), "friends", WIDE),
        sharing.uploads(UploadsView(1, (upload,), (GroupRow("g", 1, "friends", 2, 1, 3, 0.0, 1000.0),), 10, 2), WIDE),
        sharing.limits(LimitsView(1, 2000, 0, SafeText("settings"), schedule=(SafeText("all 00:00-24:00 0/0"),)), WIDE),
    ):
        assert lines and all(len(line) <= 100 for line in lines), lines
