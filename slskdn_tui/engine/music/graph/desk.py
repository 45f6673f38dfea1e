"""Discographies that were asked for: fetched in the background, told while they come, made into trees with what is here and what the user chose. Shell."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from slskdn_tui.engine.music.client import MusicBrainzClient
from slskdn_tui.engine.music.graph.queries import Found, GraphQueries, Several
from slskdn_tui.engine.music.graph.tree import Tree, Wanted, editions, tree
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.graph import Entity, EntityKind, Link
from slskdn_tui.model.ids import is_mbid
from slskdn_tui.model.music import ReleaseHit
from slskdn_tui.model.text import SafeText

KEPT = 8
"""So many discographies stay in memory; all others are read from the cache again."""
FRESH_S = 3600.0
AGAIN_S = 30.0
"""A failed question is not asked again by a screen that merely looks."""
LINES = 100
MOST_LINES = 20_000
CHOSEN = "edition."
KINDS: tuple[EntityKind, ...] = ("artist", "label", "release", "producer")


class Choices(Protocol):
    """Small values that stay: `store/state/choices.py`."""

    async def under(self, prefix: str) -> dict[str, Any]: ...
    async def put(self, key: str, value: Any) -> None: ...
    async def drop(self, key: str) -> None: ...


Learned = Callable[[Sequence[tuple[str, Sequence[tuple[str, SafeText]]]]], Awaitable[None]]
"""Is told which labels (MBID, name) MusicBrainz lists of each of these releases."""
Owned = Callable[[Sequence[str]], Awaitable[Mapping[str, int]]]
"""How many files are here of each of these releases."""


@dataclass(slots=True)
class Asked:
    """One subject, as far as it has come: `read` of `of` releases."""

    kind: EntityKind
    text: str
    at: float
    read: int = 0
    of: int = 0
    entity: Entity | None = None
    found: Found | None = None
    error: UserError | None = None
    task: asyncio.Task[None] | None = None
    made: tuple[object, Tree] | None = None
    """The last tree, and what it was made of: a screen asks for the same one every second."""

    @property
    def links(self) -> tuple[Link, ...]:
        """Where it leads; of a name that several have, to them."""
        if isinstance(self.error, Several):
            return self.error.links
        return self.entity.links if self.entity is not None else ()


async def _nobody(releases: object) -> None:
    """Nobody wants to know."""


class Lines:
    """Title, artist and date of releases the mesh tells of: asked of MusicBrainz in the background, 100 a request, each once."""

    def __init__(self, queries: GraphQueries, supervisor: Supervisor, clock: Clock) -> None:
        self._queries = queries
        self._supervisor = supervisor
        self._clock = clock
        self._known: dict[str, ReleaseHit | None] = {}
        self._wanted: dict[str, None] = {}
        self._task: asyncio.Task[None] | None = None
        self._not_before = 0.0
        self.error: UserError | None = None
        """Why the last question has no answer."""
        self.learned: Learned = _nobody

    def look(self, mbids: Sequence[str]) -> dict[str, ReleaseHit]:
        """Those that are known; the others are asked for."""
        if len(self._known) > MOST_LINES:
            self._known.clear()
        self._wanted |= {mbid: None for mbid in mbids if mbid not in self._known and is_mbid(mbid)}
        if self._wanted and (self._task is None or self._task.done()) and self._clock.now() >= self._not_before:
            self._task = self._supervisor.spawn("release lines", self._ask())
        return {mbid: hit for mbid in mbids if (hit := self._known.get(mbid)) is not None}

    @property
    def asking(self) -> bool:
        return self._task is not None and not self._task.done()

    async def _ask(self) -> None:
        self.error = None
        while batch := list(self._wanted)[:LINES]:
            try:
                found = {hit.mbid: hit for hit in await self._queries.lines(batch)}
            except UserError as error:
                self.error, self._not_before = error, self._clock.now() + AGAIN_S
                self._wanted.clear()
                return
            await self.learned([(hit.mbid, hit.labels) for hit in found.values()])
            for mbid in batch:
                self._known[mbid] = found.get(mbid)
                self._wanted.pop(mbid, None)


class GraphDesk:
    """`look` for a screen that polls, `whole` for who can wait."""

    def __init__(self, music: MusicBrainzClient, choices: Choices, supervisor: Supervisor, clock: Clock, owned: Owned) -> None:
        self._music = music
        self.queries = GraphQueries(music)
        self.lines = Lines(self.queries, supervisor, clock)
        self._choices = choices
        self._supervisor = supervisor
        self._clock = clock
        self._owned = owned
        self._asked: OrderedDict[str, Asked] = OrderedDict()

    def look(self, subject: str) -> Asked:
        """`KIND/TEXT`, TEXT a name, URL or MBID (of a release or producer no name). Asks when it is not known. UserError `usage`."""
        kind, _, text = subject.partition("/")
        text = " ".join(text.split())
        if kind not in KINDS or not text:
            raise UserError("usage", f"{subject[:200]!r} is no artist/…, label/… or release/…", "e.g. artist/Plone")
        known = self._asked.get(subject)
        if known is not None and self._clock.now() - known.at < (AGAIN_S if known.error else FRESH_S):
            self._asked.move_to_end(subject)
            return known
        asked = self._asked[subject] = Asked(kind, text, self._clock.now())
        asked.task = self._supervisor.spawn(f"discography {text[:40]}", self._ask(asked))
        for old in list(self._asked)[:-KEPT]:
            task = self._asked.pop(old).task
            if task is not None:
                task.cancel()
        return asked

    async def whole(self, subject: str) -> Asked:
        """All of it. UserError as MusicBrainz' client."""
        asked = self.look(subject)
        if asked.task is not None:
            await asyncio.wait({asked.task})
        if asked.error is not None:
            raise asked.error
        if asked.found is None:
            raise UserError("interrupted", f"{asked.text} was given up: too much else was asked for", "ask again")
        return asked

    async def _ask(self, asked: Asked) -> None:
        def seen(read: int, of: int) -> None:
            asked.read, asked.of = read, of

        try:
            mbid = await self._mbid(asked)
            if asked.kind == "producer":
                asked.entity, asked.found = await self.queries.produced(mbid, seen)
                return
            asked.entity = await self.queries.entity(asked.kind, mbid)
            link: Literal["artist", "label", "release_group"]
            link, mbid = ("release_group", asked.entity.group_mbid) if asked.kind == "release" else (asked.kind, asked.entity.mbid)
            found = await self.queries.releases(link, mbid, seen)
            await self.lines.learned([(each.hit.mbid, each.labels) for each in found.releases])
            asked.found = found
        except UserError as error:
            asked.error = error
        except Exception:  # the supervisor logs it; who waits must not wait for an hour
            asked.error = UserError("failed", "the discography cannot be made out", "the log says why")
            raise

    async def _mbid(self, asked: Asked) -> str:
        if asked.kind in ("artist", "label"):
            return asked.text if is_mbid(asked.text) else await self.queries.find(asked.kind, asked.text)
        if not is_mbid(asked.text):
            raise UserError("usage", f"{asked.text[:200]!r} is no {asked.kind}'s MBID", "`slskdn search --musicbrainz` finds it")
        return asked.text

    async def tree(self, asked: Asked, wanted: Wanted) -> Tree:
        """What came, as a tree; empty while nothing has. Of a release: the editions of its group."""
        if asked.found is None or asked.entity is None:
            return Tree()
        releases = asked.found.releases
        owned = await self._owned([each.hit.mbid for each in releases])
        chosen = {group: str(mbid) for group, mbid in (await self._choices.under(CHOSEN)).items()}
        artist = asked.entity.mbid if asked.kind == "artist" else ""
        of = (asked.found, wanted, artist, self._music.order, owned, chosen)
        if asked.made is None or asked.made[0] != of:
            make = editions if asked.kind == "release" else tree
            asked.made = of, make(releases, wanted, artist=artist, order=self._music.order, owned=owned, chosen=chosen)
        return asked.made[1]

    async def choose(self, release_mbid: str) -> tuple[str, str]:
        """This edition from now on stands for its group: (title, group MBID). UserError as `MusicBrainzClient.release`."""
        release = await self._music.release(release_mbid)
        if not release.group_mbid:
            raise UserError("not_found", f"MusicBrainz names no release group of {release.title}", "choose another edition")
        await self._choices.put(CHOSEN + release.group_mbid, release.mbid)
        return str(release.title), release.group_mbid

    async def unchoose(self, release_mbid: str) -> tuple[str, str]:
        """The rule decides again. UserError as `MusicBrainzClient.release`."""
        release = await self._music.release(release_mbid)
        await self._choices.drop(CHOSEN + release.group_mbid)
        return str(release.title), release.group_mbid
