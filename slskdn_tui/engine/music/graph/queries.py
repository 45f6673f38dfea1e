"""The questions a release graph asks MusicBrainz, each page kept by itself. Shell over the client.

A whole discography is one browse of releases with their groups, 100 a page: editions and types come together, and a page that came is not
asked for again for a week, after a restart either.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import musicbrainzngs
from pydantic import TypeAdapter

from slskdn_tui.engine.music.client import DAY, PAGE, MusicBrainzClient
from slskdn_tui.engine.music.graph import parse
from slskdn_tui.engine.music.graph.parse import Page, Produced
from slskdn_tui.engine.music.parse import hits
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.graph import Entity, EntityKind, GraphRelease, Link
from slskdn_tui.model.ids import parse_mb_reference
from slskdn_tui.model.music import ReleaseHit

MOST_PAGES = 50
MOST_PRODUCED = 1000
"""Of a producer's releases and recordings so many each are looked at, 100 a request."""
KEEP = 7 * DAY
KEEP_NAMES = DAY
NAMED = 5
"""So many are named when a name means several."""
Seen = Callable[[int, int], None]
_PAGE: TypeAdapter[Page] = TypeAdapter(Page)
_ENTITY: TypeAdapter[Entity] = TypeAdapter(Entity)
_PRODUCED: TypeAdapter[Produced] = TypeAdapter(Produced)
_LINKS: TypeAdapter[tuple[Link, ...]] = TypeAdapter(tuple[Link, ...])
_HITS: TypeAdapter[tuple[ReleaseHit, ...]] = TypeAdapter(tuple[ReleaseHit, ...])
_LISTED = ["artist-credits", "labels", "media", "release-groups"]
_READ: dict[EntityKind, tuple[Callable[[Any], Entity], Callable[..., Any], list[str]]] = {
    "artist": (parse.artist, musicbrainzngs.get_artist_by_id, ["artist-rels", "label-rels"]),
    "label": (parse.label, musicbrainzngs.get_label_by_id, ["label-rels"]),
    "release": (
        parse.release,
        musicbrainzngs.get_release_by_id,
        ["artist-credits", "recordings", "labels", "release-groups", "artist-rels", "recording-level-rels"],
    ),
}


class Several(UserError):
    """`usage`: a name that more than one have, or none just so; `links` are who may be meant."""

    def __init__(self, words: str, links: Sequence[Link]) -> None:
        told = "; ".join(f"{one.name} ({one.relation or 'no more is said'}) {one.mbid}" for one in links[:NAMED])
        super().__init__("usage", f"{words}: {told}", "give the MBID of the one you mean")
        self.links = tuple(links)


@dataclass(frozen=True, slots=True)
class Found:
    """All releases of an artist or label; `capped` when there are more than are read."""

    releases: tuple[GraphRelease, ...]
    capped: bool = False


class GraphQueries:
    """UserError as `MusicBrainzClient` raises them."""

    def __init__(self, music: MusicBrainzClient) -> None:
        self._music = music

    async def entity(self, kind: EntityKind, mbid: str) -> Entity:
        """An artist, label or release and its relations: one request."""
        read, function, includes = _READ[kind]
        return await self._music.cached(
            f"graph-{kind}", mbid, f"{kind} {mbid}", KEEP, _ENTITY, read, function, mbid, includes=list(includes)
        )

    async def releases(self, link: Literal["artist", "label", "release_group"], mbid: str, seen: Seen = lambda read, of: None) -> Found:
        """Every release of an artist, label or group, 100 a request, at most `MOST_PAGES`; `seen` is told how many of how many came so far."""
        rows: list[GraphRelease] = []
        for _ in range(MOST_PAGES):
            what = f"releases of {link.replace('_', ' ')} {mbid}"
            page = await self._music.cached(
                f"graph-{link}-releases", f"{mbid}:{len(rows)}", what, KEEP, _PAGE, parse.page, musicbrainzngs.browse_releases,
                includes=list(_LISTED), limit=PAGE, offset=len(rows), **{link: mbid},
            )  # fmt: skip
            rows += page.rows
            seen(len(rows), page.total)
            if not page.rows or len(rows) >= page.total:
                return Found(tuple(rows))
        return Found(tuple(rows), capped=True)

    async def produced(self, mbid: str, seen: Seen = lambda read, of: None) -> tuple[Entity, Found]:
        """Who that is, and every release he or she produced, as a whole or a recording on it. No browse tells: relationships do, then searches by id."""
        who = await self._music.cached(
            "graph-produced", mbid, f"artist {mbid}", KEEP, _PRODUCED, parse.produced, musicbrainzngs.get_artist_by_id, mbid,
            includes=["release-rels", "recording-rels"],
        )  # fmt: skip
        rows: dict[str, GraphRelease] = {}
        of = min(MOST_PRODUCED, len(who.releases)) + min(MOST_PRODUCED, len(who.recordings))
        read = 0
        for field, mbids, function, shape in (
            ("reid", who.releases[:MOST_PRODUCED], musicbrainzngs.search_releases, parse.page),
            ("rid", who.recordings[:MOST_PRODUCED], musicbrainzngs.search_recordings, parse.recorded),
        ):
            for start in range(0, len(mbids), PAGE):
                part = sorted(mbids[start : start + PAGE])
                name = f"{field}:{hashlib.sha256(''.join(part).encode()).hexdigest()[:32]}"
                page = await self._music.cached(
                    "graph-produced-releases", name, f"what {who.name} produced", KEEP, _PAGE, shape, function,
                    query=f"{field}:({' OR '.join(part)})", limit=PAGE,
                )  # fmt: skip
                for row in page.rows:
                    rows.setdefault(row.hit.mbid, row)
                seen(read := read + len(part), of)
        capped = max(len(who.releases), len(who.recordings)) > MOST_PRODUCED
        return Entity("producer", who.mbid, who.name), Found(tuple(rows.values()), capped)

    async def lines(self, mbids: Sequence[str]) -> tuple[ReleaseHit, ...]:
        """What these releases are called, at most 100: one request. One that was merged into another is left out."""
        name = hashlib.sha256("".join(sorted(mbids)).encode()).hexdigest()[:32]
        return await self._music.cached(
            "graph-lines", name, f"{len(mbids)} releases", KEEP, _HITS, hits, musicbrainzngs.search_releases,
            query=f"reid:({' OR '.join(sorted(mbids))})", limit=PAGE,
        )  # fmt: skip

    async def find(self, kind: Literal["artist", "label"], text: str) -> str:
        """The MBID of an artist or label given by URL, MBID or name. UserError `not_found` for none, `usage` for a name that several have."""
        read = parse_mb_reference(text)
        if read is not None:
            if read[0] not in (None, kind):
                raise UserError("usage", f"that is a MusicBrainz {read[0]}, not {_article(kind)}", f"try `slskdn discover {read[0]}`")
            return read[1]
        name = " ".join(text.split())[:200]
        if not name:
            raise UserError("usage", f"no {kind} is named", f"give {_article(kind)}'s name, MusicBrainz URL or MBID")
        function = musicbrainzngs.search_artists if kind == "artist" else musicbrainzngs.search_labels
        found = await self._music.cached(
            f"graph-find-{kind}", name.casefold(), f"{kind} {name!r}", KEEP_NAMES, _LINKS, lambda answer: parse.names(answer, kind), function,
            limit=25, **{kind: name},
        )  # fmt: skip
        same = [one for one in found if one.name.casefold() == name.casefold()]
        if len(same) == 1:
            return same[0].mbid
        if not found:
            raise UserError("not_found", f"MusicBrainz knows no {kind} {name!r}", "check the spelling, or paste its URL")
        raise Several(f"{'several have' if same else 'none has just'} the name {name!r}", same or found)


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
