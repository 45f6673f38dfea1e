"""Wishes, people, messages and filters while nothing runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.store.records import LedgerRow, PeerRow
from slskdn_tui.engine.store.state.people import Person
from slskdn_tui.engine.store.state.wishes import Wish, WishHit
from slskdn_tui.engine.store.store import Store
from slskdn_tui.model.candidates import FoundFile, SearchReply
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.views import ViewKey
from tests.engine.control.control_world import look

REPLY = SearchReply("bob", True, 1000, 0, (FoundFile("bob", "Music\\Untrue\\01 a.flac", 20_000_000, "flac", 200),))


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths.of(tmp_path / "profile")
    paths.ensure()

    async def fill() -> None:
        store = await Store.open(paths)
        await store.wishes.put(Wish("7", "burial untrue", created_at="2026-11-23T10:00:00Z"))
        await store.wishes.keep_hits("7", [WishHit("bob/Music", "2026-11-23T11:00:00Z", False, REPLY)])
        await store.people.put(Person("ann", "friend", "jazz", "2026-11-23T10:00:00Z"))
        await store.people.put(Person("eve", "banned", "", "2026-11-23T10:00:00Z"))
        await store.messages.received("ann", 1.0, 5, "hello", True)
        await store.choices.put("filters.loud", "lossless free>0")
        await store.peers.save([PeerRow("ab" * 32, "mesh", recent=b"o" * 20, successful_chunks=20, blocked=True, block_reason="loud")])
        today = store.clock.wall().date().isoformat()
        await store.ledger.add([LedgerRow(today, "mesh", "down", "ab" * 32, 700), LedgerRow(today, "slsk", "up", "bob", 900)], today)
        await store.close()

    asyncio.run(fill())
    return paths


def test_what_was_kept_is_shown(paths: Paths) -> None:
    wishes, found, friends, bans, messages, talk, filters = look(
        paths,
        ViewKey("wishes"),
        ViewKey("search", "wish/7", filter="@loud"),
        ViewKey("people", "friends"),
        ViewKey("people", "bans"),
        ViewKey("messages"),
        ViewKey("messages", "ann"),
        ViewKey("filters"),
    )
    assert [(row.query, row.new, row.found) for row in wishes.rows] == [("burial untrue", 1, 1)]
    assert [(row.level, row.user) for row in found.rows] == [(0, "bob"), (1, "bob")]
    assert [row.user for row in friends.rows] == ["ann"] and [row.user for row in bans.rows] == ["eve"]
    assert messages.unread == 1 and [row.text for row in talk.rows] == ["hello"]
    assert [(row.name, row.filter) for row in filters.rows] == [("loud", "lossless free>0")]


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (ViewKey("search", "wish/9"), "not_found"),
        (ViewKey("search", "wish/7", filter="bitrat>3"), "usage"),
        (ViewKey("search"), "no_engine"),
        (ViewKey("uploads"), "no_engine"),
        (ViewKey("user", "ann"), "no_engine"),
    ],
)
def test_what_cannot_be_shown_says_why(paths: Paths, key: ViewKey, code: str) -> None:
    with pytest.raises(UserError) as caught:
        look(paths, key)
    assert caught.value.code == code


def test_peers_and_the_report_need_no_engine(paths: Paths) -> None:
    peers, one, report, none = look(
        paths, ViewKey("peers"), ViewKey("peers", "ababab"), ViewKey("contribution", "1"), ViewKey("peers", filter="nobody")
    )
    assert [(row.name, row.state, row.up, row.down) for row in peers.rows] == [("bob", "away", 900, 0), ("b3:vov2", "blocked", 0, 700)]
    assert one.rows[0].good_chunks == 20 and none.rows == ()
    assert (report.slsk_up, report.mesh_down, report.status) == (900, 700, "healthy") and report.history[-1].mesh_down == 700
    with pytest.raises(UserError, match="no peer"):
        look(paths, ViewKey("peers", "ef"))


def test_a_profile_that_was_never_used_has_an_empty_report(tmp_path: Path) -> None:
    peers, report = look(Paths.of(tmp_path / "none"), ViewKey("peers"), ViewKey("contribution"))
    assert peers.rows == () and report.status == "quiet" and len(report.history) == 7 and len(report.rules) == 3
