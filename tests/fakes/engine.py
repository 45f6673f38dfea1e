"""`FakeEngine`: the seam over fixed snapshots, recording what is submitted. Used by tests, `python -m tests.fakes.show` and the docs' pictures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from slskdn_tui.model.errors import UserError
from slskdn_tui.model.finding import LimitsView, SearchView, UploadsView, WishesView, make_ref
from slskdn_tui.model.graph import LabelsView
from slskdn_tui.model.library_view import LibraryView
from slskdn_tui.model.peers import PeersView
from slskdn_tui.model.people import MessagesView
from slskdn_tui.model.playing import PlaybackView
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import EngineEvent, JobsView, LogRow, LogView, Snapshot, StatusView, SwarmsView, Unchanged, ViewKey
from slskdn_tui.seam import Command, Result
from tests.fakes import citizen, mesh, records, shelf, story, warm

FILTERED = ("search", "browse", "discography", "label")
"""Views made of a subject and a filter."""


class FakeEngine:
    """Everything it shows can be replaced by a test: `views[screen]` is a view, or a function of the subject."""

    def __init__(self, *, empty: bool = False) -> None:
        self.views: dict[str, Any] = {
            "status": story.status(),
            "swarms": story.swarms(),
            "track": story.track,
            "jobs": story.jobs(),
            "job": story.job,
            "trace": story.trace,
            "log": story.log(),
            "candidates": story.candidates,
            "search": citizen.search,
            "filters": citizen.filters(),
            "wishes": citizen.wishes(),
            "browse": citizen.browse,
            "uploads": citizen.uploads(),
            "limits": LimitsView(1),
            "user": citizen.user,
            "people": citizen.people,
            "messages": citizen.messages,
            "peers": mesh.peers,
            "contribution": mesh.contribution,
            "library": shelf.library,
            "discography": records.discography,
            "labels": records.labels,
            "label": records.label,
            "cache": warm.cache(),
            "stats": story.stats(),
            "playback": PlaybackView(1),
        }
        if empty:
            self.views |= {"status": StatusView(1), "swarms": SwarmsView(1), "jobs": JobsView(1), "log": LogView(1)}
            self.views |= {"search": SearchView(1), "wishes": WishesView(1), "messages": MessagesView(1), "uploads": UploadsView(1)}
            self.views |= {
                "peers": PeersView(1),
                "contribution": mesh.quiet(),
                "library": LibraryView(1),
                "labels": LabelsView(1),
                "cache": warm.off(),
            }
        self.commands: list[Command] = []
        self.asked: list[ViewKey] = []
        self.answer = Result(message=SafeText("done"))
        self.started = 0
        self.stopped = 0
        self.fail_start: UserError | None = None
        self._events: asyncio.Queue[EngineEvent] | None = None

    @property
    def description(self) -> str:
        return "in this window"

    async def start(self) -> None:
        if self.fail_start is not None:
            raise self.fail_start
        self.started += 1

    async def stop(self) -> None:
        self.stopped += 1

    async def snapshot(self, view: ViewKey, since: int = 0) -> Snapshot:
        self.asked.append(view)
        found = self.views[view.screen]
        if callable(found):
            found = found(view.subject, view.filter) if view.screen in FILTERED else found(view.subject)
        if found is None:
            what = f"no job {view.subject!r}" if view.screen == "job" else f"there is no {view.screen} {view.subject}"
            raise UserError("not_found", what, "it may have ended")
        if since and found.version == since:
            return Unchanged(since)
        if isinstance(found, LogView) and found.total > view.count:  # a long list is answered in windows, filtered here
            rows = [row for row in found.rows if all(word in f"{row.part} {row.text}" for word in view.filter.split())]
            return replace(found, rows=tuple(rows[view.start : view.start + view.count]), total=len(rows))
        return found

    async def submit(self, command: Command) -> Result:
        self.commands.append(command)
        return self.answer

    def say(self, level: str, text: str) -> None:
        """Send an event."""
        self.queue.put_nowait(EngineEvent("log", story.at("21:05:00"), "rescue", level, SafeText(text)))

    @property
    def queue(self) -> asyncio.Queue[EngineEvent]:
        if self._events is None:
            self._events = asyncio.Queue()
        return self._events

    async def events(self) -> AsyncIterator[EngineEvent]:
        while True:
            yield await self.queue.get()

    def tick(self, count: int = 1) -> None:
        """Three rows of Swarms and of Peers and the rates move on."""
        self.views["swarms"] = story.moved(self.views["swarms"], count)
        if (peers := self.views["peers"]("") if callable(self.views["peers"]) else self.views["peers"]) is not None:
            self.views["peers"] = mesh.moved(peers, count)
        status = self.views["status"]
        self.views["status"] = replace(status, version=status.version + count, down=status.down + 13e4)


class RawText(SafeText):
    """What a missed cleaning would leave: text of the right type with everything hostile still in it."""

    def __new__(cls, raw: str) -> RawText:  # type: ignore[misc]
        return str.__new__(cls, raw)


def hostile_names(count: int) -> list[str]:
    """Names that try to write the clipboard, clear the screen, ask the terminal, open markup, reverse, hide and widen."""
    attacks = (
        "\x1b]52;c;ZXZpbA==\x07",
        "\x1b[2J\x1b[H",
        "\x9b31m",
        "\x1b[6n",
        "\x1bP$q q\x1b\\",
        "\x00\x7f",
        "\u202egpj.exe",
        "a\u200bb\ufeff",
        "[/b][red]",
        "\ud800",
        "\r\n\t\x08",
        "e\u0301\u0301\u0301\u0301\u0301",
        "\x1b]0;title\x07",
        "\u2028\u2029",
        "漢字🎵",
        "\x0e\x0f\x1c",
    )
    return [f"{attacks[index % len(attacks)]}{index:05}{attacks[(index * 7 + 3) % len(attacks)]}.flac" for index in range(count)]


def _poison_citizen(engine: FakeEngine, names: Sequence[SafeText]) -> None:
    """The long lists of Soulseek and of peers: every name in one of them. References and raw names are what the network sent, uncleaned."""
    search, browse = citizen.search(""), citizen.browse("x")
    assert search is not None and browse is not None
    raw = [name.replace("\ud800", "\udc80") for name in hostile_names(len(names))]
    head = search.rows[0]
    found = tuple(
        replace(
            head, key=f"k{index}", title=name, user=name, files=0, warning=name, username=dirty, ref=make_ref(dirty, f"a\\{dirty}", True)
        )
        for index, (name, dirty) in enumerate(zip(names, raw, strict=True))
    )
    engine.views["search"] = lambda subject, filter_="": replace(search, query=names[0], rows=found, total=len(found), error=names[1])
    engine.views["browse"] = lambda subject, filter_="": replace(browse, user=names[0], rows=found, total=len(found))
    said = citizen.messages("").rows[0]
    talks = tuple(replace(said, key=f"k{index}", user=name, text=name, username=raw[index]) for index, name in enumerate(names))
    engine.views["messages"] = lambda subject: MessagesView(1, talks, len(talks))
    wish = citizen.wishes().rows[0]
    engine.views["wishes"] = WishesView(
        1, tuple(replace(wish, key=f"k{index}", query=name, filter=name, note=name) for index, name in enumerate(names))
    )
    known = mesh.peers()
    assert known is not None
    peers = tuple(replace(known.rows[0], key=f"k{index}", peer=raw[index], name=name, note=name) for index, name in enumerate(names))
    engine.views["peers"] = replace(known, rows=peers, total=len(peers))
    held = warm.cache()
    kept = tuple(replace(held.rows[0], key=f"k{index}", title=name, artist=name, note=name) for index, name in enumerate(names))
    engine.views["cache"] = replace(held, rows=kept, total=len(kept), words=names[0])
    books = shelf.library("transcode")
    assert books is not None
    shelved = tuple(
        replace(books.rows[0], key=f"k{index}", name=raw[index], path=name, words=name, evidence=(name, name), codec=name)
        for index, name in enumerate(names)
    )
    kinds = tuple(replace(row, worst=names[at]) for at, row in enumerate(books.kinds))
    engine.views["library"] = lambda subject: replace(books, kinds=kinds, rows=shelved, total=len(shelved))
    line = citizen.uploads().rows[0]
    going = tuple(replace(line, key=f"k{index}", title=name, user=name, path=name, reason=name) for index, name in enumerate(names))
    engine.views["uploads"] = replace(citizen.uploads(), rows=going, total=len(going))


def _poison_records(engine: FakeEngine, names: Sequence[SafeText]) -> None:
    """Discover's lists: a discography, where it leads, labels and a label's releases, every name in each."""
    tree, crate = records.discography("artist/x"), records.label("Kompakt")
    assert tree is not None
    groups = tuple(
        replace(tree.rows[0], key=f"k{index}", title=name, artist=name, label=name, type=name, why=name, doing=name)
        for index, name in enumerate(names)
    )
    links = tuple(replace(tree.links[0], relation=name, name=name) for name in names[:200])
    told = replace(tree, name=names[0], rows=groups, total=len(groups), links=links, error=names[1], hint=names[2])
    engine.views["discography"] = lambda subject, filter_="": replace(told, subject=subject)
    label = records.labels("").rows[0]
    engine.views["labels"] = LabelsView(1, tuple(replace(label, key=f"k{index}", label=name) for index, name in enumerate(names)))
    found = tuple(
        replace(crate.rows[0], key=f"k{index}", title=name, artist=name, doing=name, codecs=(name,)) for index, name in enumerate(names)
    )
    engine.views["label"] = lambda subject, filter_="": replace(crate, label=names[3], rows=found, total=len(found), error=names[4])


def hostile(count: int = 10_000, *, raw: bool = False) -> FakeEngine:
    """An engine all of whose foreign text attacks the terminal. `raw`: as if cleaning at the door had been forgotten."""
    make: Any = RawText if raw else SafeText
    names = [make(name) for name in hostile_names(count)]
    engine = FakeEngine()
    counter = iter(range(1 << 60))

    def poison(value: Any) -> Any:
        if isinstance(value, SafeText):
            return names[next(counter) % count]
        if isinstance(value, tuple):
            return tuple(poison(item) for item in value)
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{item.name: poison(getattr(value, item.name)) for item in fields(value)})
        return value

    for screen, view in list(engine.views.items()):
        engine.views[screen] = (lambda *asked, make_view=view: poison(make_view(*asked))) if callable(view) else poison(view)
    swarms: SwarmsView = engine.views["swarms"]
    engine.views["swarms"] = replace(
        swarms,
        rows=tuple(replace(swarms.rows[0], key=f"k{index}", title=name, source=name, state="active") for index, name in enumerate(names)),
        total=count,
    )
    jobs: JobsView = engine.views["jobs"]
    engine.views["jobs"] = replace(
        jobs,
        rows=tuple(replace(jobs.rows[0], key=f"k{index}", title=name, artist=name, error=name) for index, name in enumerate(names)),
        total=count,
    )
    rows = tuple(LogRow(f"k{index}", 1, story.at("21:04:00"), "rescue", "warning", name) for index, name in enumerate(names))
    engine.views["log"] = LogView(1, rows, count)
    _poison_citizen(engine, names)
    _poison_records(engine, names)
    trace = story.trace("x")
    timeline = tuple(replace(trace.rows[2], key=f"k{index}", source=name, words=name, track=5) for index, name in enumerate(names))
    engine.views["trace"] = lambda subject: replace(poison(trace), rows=timeline, total=count)
    return engine
