"""What `slskdn serve` says while it runs: each trouble once, and its end."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from slskdn_tui.cli import serving
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import EngineEvent, PartStatus, StatusView


def view(soulseek: str = "online", words: str = "logged in", dht: str = "ok", *more: PartStatus) -> StatusView:
    kinds = {"online": "ok", "offline": "waiting", "connecting": "waiting"}
    parts = (
        PartStatus("soulseek", kinds.get(soulseek, "failing"), SafeText(words)),  # type: ignore[arg-type]
        PartStatus("mesh", "waiting", SafeText("no peer connected yet")),
        PartStatus("dht", dht, SafeText(f"dht is {dht}")),  # type: ignore[arg-type]
        *more,
    )
    return StatusView(1, soulseek=soulseek, parts=parts)


def said(*views: StatusView) -> list[str]:
    watch = serving.Watch()
    return [line for each in views for line in watch.lines(each)]


def test_an_unreachable_server_is_said_once_and_so_is_its_return() -> None:
    down = [view("offline", f"cannot be reached; trying again in {wait} s") for wait in (10, 20)]
    assert said(view("connecting"), down[0], view("connecting"), down[1], view(), view()) == [
        "soulseek cannot be reached; trying again in 10 s",
        "soulseek logged in",
    ]


def test_another_trouble_of_the_same_part_is_said_too() -> None:
    assert said(view("offline", "gone"), view("kicked", "logged in elsewhere")) == ["soulseek gone", "soulseek logged in elsewhere"]


def test_a_missing_bootstrap_node_is_said_and_waiting_for_peers_is_not() -> None:
    assert said(view(dht="waiting"), view(dht="waiting"), view()) == ["dht dht is waiting", "dht dht is ok"]


def test_a_failing_part_and_its_recovery_are_said() -> None:
    broken = PartStatus("share scan", "failing", SafeText("disk full"))
    assert said(view(), view("online", "", "ok", broken), view()) == ["share scan disk full", "share scan runs again"]


def test_nothing_is_said_while_all_is_well() -> None:
    assert said(view("connecting"), view(), view()) == []


class Engine:
    description = "scripted"

    async def snapshot(self, key: object, since: int = 0) -> StatusView:
        return view("offline", "gone")

    async def events(self) -> AsyncIterator[EngineEvent]:
        for _ in range(2):
            yield EngineEvent("job.failed", "2026-01-01T10:00:07Z", "job", "error", SafeText("Loveless: no source\x1b[2J"))
        yield EngineEvent("peer.banned", "2026-01-01T10:00:08Z", "swarm", "warning", SafeText("in the log"))
        raise OSError("nobody reads")


def test_warnings_of_jobs_are_said_with_their_time(capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(serving.talk(Engine()))  # type: ignore[arg-type]
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == "" and len(lines) == 2 and lines[0].endswith(" soulseek gone")
    assert lines[1].startswith("10:00:07 job Loveless: no source") and "\x1b" not in err
