"""Every verb that only looks: words for people, JSON for programs, over the same fixed views as the screens' pictures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slskdn_tui.cli.app import run
from slskdn_tui.cli.hooks import Hooks
from slskdn_tui.model.playing import PlaybackView
from slskdn_tui.model.text import SafeText
from tests.fakes.engine import FakeEngine

PLAYING = PlaybackView(
    1, "playing", SafeText("Blue in Green"), "j", 5, 83_000, 337_000, 28_000, 2_000, False, 850_000.0, 3.0, SafeText("anna"), 0, SafeText("mpv")
)  # fmt: skip


@pytest.fixture
def engine() -> FakeEngine:
    made = FakeEngine()
    made.views["playback"] = PLAYING
    return made


@pytest.fixture
def slskdn(engine: FakeEngine, tmp_path: Path) -> Callable[..., int]:
    async def connect(*args: Any) -> FakeEngine:
        return engine

    def none(*args: Any) -> Any:
        raise AssertionError("not this")

    hooks = Hooks(connect, none, none, none, none, none, none, none)
    return lambda *words: run(words, hooks, {"SLSKDN_PROFILE": str(tmp_path)})


def ask(slskdn: Callable[..., int], capsys: pytest.CaptureFixture[str], words: str) -> tuple[str, Any]:
    """(what is printed, what is printed with --json)."""
    assert slskdn(*words.split()) == 0
    said = capsys.readouterr().out
    assert slskdn(*words.split(), "--json") == 0
    return said, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("verb", "screen", "shown", "told"),
    [
        ("filters list", "filters", "name", "filter"),
        ("wishlist list", "wishes", "query", "wish"),
        ("uploads list", "uploads", "user", "title"),
    ],
)
def test_each_row_of_a_list_is_printed_once(
    slskdn: Callable[..., int], engine: FakeEngine, capsys: pytest.CaptureFixture[str], verb: str, screen: str, shown: str, told: str
) -> None:
    said, found = ask(slskdn, capsys, verb)
    data = found["rows"] if isinstance(found, dict) else found  # a list with figures above it is a table of both
    rows = engine.views[screen].rows
    assert len(rows) > 1 and [row[shown] for row in data] == [getattr(row, shown) for row in rows]
    assert [row[told] for row in data] == [getattr(row, told) for row in rows]
    assert all(str(getattr(row, shown))[:8] in said for row in rows)


@pytest.mark.parametrize("verb", ["friends list", "bans list"])
def test_friends_and_bans_are_two_lists(
    slskdn: Callable[..., int], engine: FakeEngine, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    said, data = ask(slskdn, capsys, verb)
    which = verb.split()[0]
    assert {(key.screen, key.subject) for key in engine.asked} == {("people", which)}
    names = [row.user for row in engine.views["people"](which).rows]
    assert names and [row["user"] for row in data] == names and all(name in said for name in names)


def test_what_plays_is_said_with_its_place_and_its_sources(slskdn: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    said, data = ask(slskdn, capsys, "player show")
    assert "Streaming: Blue in Green, 1:23 of 5:37, playing" in said and "Buffer: 28 s" in said and "Sources: anna" in said
    assert (data["state"], data["playback_position_ms"], data["buffer_ms"]) == ("playing", 83_000, 28_000)


def test_nothing_plays(slskdn: Callable[..., int], engine: FakeEngine, capsys: pytest.CaptureFixture[str]) -> None:
    engine.views["playback"] = PlaybackView(1)
    assert ask(slskdn, capsys, "player show")[0] == "Nothing plays.\n"


def test_the_limits_and_the_cache_say_how_they_stand(
    slskdn: Callable[..., int], engine: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    said, data = ask(slskdn, capsys, "limits show")
    assert said.strip() and data["kind"] == "limits"
    said, data = ask(slskdn, capsys, "cache status")
    assert all(str(row.title)[:8] in said for row in engine.views["cache"].rows) and data["kind"] == "cache"


def test_a_file_to_play_is_named_from_where_the_user_stands(
    slskdn: Callable[..., int], engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert slskdn("play", "a.flac") == 0 and slskdn("play", "0f4de638", "2") == 0
    assert [command.args for command in engine.commands] == [
        {"subject": str(tmp_path / "a.flac")},
        {"subject": "0f4de638", "track": 2},
    ]
