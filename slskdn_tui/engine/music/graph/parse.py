"""Turns what musicbrainzngs parsed of artists, labels and browsed releases into graph values. Core; ValueError for what is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from slskdn_tui.engine.music import parse
from slskdn_tui.model.graph import Entity, GraphRelease, Link
from slskdn_tui.model.ids import is_mbid
from slskdn_tui.model.text import SafeText

MOST_LINKS = 200
MOST_RECORDED = 2000
"""Releases of one page of recordings."""
_FAMILY = frozenset({"married", "sibling", "parent", "involved with", "named after artist", "teacher", "tribute"})
"""Relations between artists that say nothing of their records."""


@dataclass(frozen=True, slots=True)
class Page:
    """One browsed page: how many there are in all, and these."""

    total: int
    rows: tuple[GraphRelease, ...]


def page(answer: Mapping[str, Any]) -> Page:
    """A page of /release?artist= or ?label=. ValueError when it has no list."""
    rows, total = answer.get("release-list"), answer.get("release-count")
    if not isinstance(rows, list):
        raise ValueError("the list of releases is missing")
    found = tuple(_release(row) for row in rows[: parse.MOST_HITS] if isinstance(row, Mapping))
    return Page(total if isinstance(total, int) and total >= 0 else len(found), found)


def _release(row: Mapping[str, Any]) -> GraphRelease:
    hit, group = parse.hit(row), row.get("release-group")
    if not isinstance(group, Mapping) or not is_mbid(_text(group.get("id"))):
        raise ValueError("a release has no release group")
    # `type` is the old, single type: of a group with a secondary type it is that one.
    secondary = group.get("secondary-type-list")
    return GraphRelease(
        hit,
        _text(group.get("id")),
        SafeText(_text(group.get("title"))) or hit.title,
        str(SafeText(_text(group.get("primary-type")), 32)),
        tuple(str(SafeText(name, 32)) for name in secondary if isinstance(name, str)) if isinstance(secondary, list) else (),
        _date(_text(group.get("first-release-date"))),
        tuple(parse.labels(row)),
        tuple(mbid for mbid, _ in _credits(row)),
    )


def artist(answer: Mapping[str, Any]) -> Entity:
    """GET /artist/MBID with inc=artist-rels+label-rels."""
    row = _entity(answer, "artist")
    links = [link for link in _related(row, "artist") if link.relation not in _FAMILY]
    return Entity("artist", row["id"], SafeText(_text(row.get("name"))), _once([*links, *_related(row, "label")]))


@dataclass(frozen=True, slots=True)
class Produced:
    """Who a producer is, and the MBIDs of the releases and of the recordings he or she produced."""

    mbid: str
    name: SafeText
    releases: tuple[str, ...]
    recordings: tuple[str, ...]


def produced(answer: Mapping[str, Any]) -> Produced:
    """GET /artist/MBID with inc=release-rels+recording-rels."""
    row = _entity(answer, "artist")
    return Produced(row["id"], SafeText(_text(row.get("name"))), _made(row, "release"), _made(row, "recording"))


def _made(row: Mapping[str, Any], kind: str) -> tuple[str, ...]:
    targets = (relation.get(kind) for relation in _rows(row.get(f"{kind}-relation-list")) if _text(relation.get("type")) == "producer")
    mbids = (_text(target.get("id")) for target in targets if isinstance(target, Mapping))
    return tuple(dict.fromkeys(mbid for mbid in mbids if is_mbid(mbid)))


def recorded(answer: Mapping[str, Any]) -> Page:
    """A search's recordings as the releases they are on; one without a release group is left out. ValueError when it has no list."""
    rows = answer.get("recording-list")
    if not isinstance(rows, list):
        raise ValueError("the list of recordings is missing")
    found: dict[str, GraphRelease] = {}
    for recording in _rows(rows):
        for row in _rows(recording.get("release-list")):
            group = row.get("release-group")
            if (
                len(found) < MOST_RECORDED
                and isinstance(group, Mapping)
                and is_mbid(_text(group.get("id")))
                and is_mbid(_text(row.get("id")))
            ):
                whose = (
                    {} if row.get("artist-credit") else {each: recording.get(each) for each in ("artist-credit", "artist-credit-phrase")}
                )
                found.setdefault(_text(row.get("id")), _release({**row, **whose}))
    return Page(len(found), tuple(found.values()))


def label(answer: Mapping[str, Any]) -> Entity:
    """GET /label/MBID with inc=label-rels."""
    row = _entity(answer, "label")
    return Entity("label", row["id"], SafeText(_text(row.get("name"))), _once(_related(row, "label")))


def release(answer: Mapping[str, Any]) -> Entity:
    """GET /release/MBID: its artists, its labels, who produced it or its tracks, who is featured on a track."""
    row = _entity(answer, "release")
    links = [Link(SafeText("more by"), "artist", mbid, name) for mbid, name in _credits(row)]
    own = {link.mbid for link in links}
    links += [Link(SafeText("same label"), "label", mbid, name) for mbid, name in parse.labels(row) if mbid]
    tracks = [track for medium in _rows(row.get("medium-list")) for track in _rows(medium.get("track-list"))]
    recordings = [each for each in (track.get("recording") for track in tracks) if isinstance(each, Mapping)]
    for source in (row, *recordings):
        made = [link for link in _related(source, "artist") if link.relation == "producer"]
        links += [Link(SafeText("also by this producer"), "producer", link.mbid, link.name) for link in made]
    featured = [pair for each in (*tracks, *recordings) for pair in _credits(each) if pair[0] not in own]
    links += [Link(SafeText("featured artist"), "artist", mbid, name) for mbid, name in featured]
    group = row.get("release-group")
    return Entity(
        "release", row["id"], SafeText(_text(row.get("title"))), _once(links), _text(group.get("id")) if isinstance(group, Mapping) else ""
    )


def names(answer: Mapping[str, Any], kind: Literal["artist", "label"]) -> tuple[Link, ...]:
    """A text search's artists or labels, best first; `relation` is what tells them apart."""
    rows = answer.get(f"{kind}-list")
    if not isinstance(rows, list):
        raise ValueError(f"the list of {kind}s is missing")
    return tuple(
        Link(SafeText(_text(row.get("disambiguation"))), kind, _text(row.get("id")), SafeText(_text(row.get("name"))))
        for row in _rows(rows)
        if is_mbid(_text(row.get("id")))
    )


def _entity(answer: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    row = answer.get(kind)
    if not isinstance(row, Mapping) or not is_mbid(_text(row.get("id"))):
        raise ValueError(f"{kind} is missing or has no id")
    return row


def _related(row: Mapping[str, Any], kind: Literal["artist", "label"]) -> Iterator[Link]:
    for relation in _rows(row.get(f"{kind}-relation-list")):
        other = relation.get(kind)
        if isinstance(other, Mapping) and is_mbid(_text(other.get("id"))):
            yield Link(SafeText(_text(relation.get("type"))), kind, _text(other.get("id")), SafeText(_text(other.get("name"))))


def _credits(row: Mapping[str, Any]) -> Iterator[tuple[str, SafeText]]:
    for part in _rows(row.get("artist-credit")):
        who = part.get("artist")
        if isinstance(who, Mapping) and is_mbid(_text(who.get("id"))):
            yield _text(who.get("id")), SafeText(_text(who.get("name")))


def _once(links: list[Link] | Iterator[Link]) -> tuple[Link, ...]:
    """Each one once, at most `MOST_LINKS`."""
    return tuple(dict.fromkeys(links))[:MOST_LINKS]


def _date(text: str) -> str:
    return text if len(text) <= 10 and all(char in "0123456789-?" for char in text) else ""


def _rows(value: Any) -> list[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
