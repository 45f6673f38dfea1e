"""Renders release facts as MusicBrainz ws/2 XML (mmd-2.0). Core.

Element order, attributes and the rules (inline lists stop at 25, browse pages at 100, a track has a title or a credit of its own only where
it differs from the recording's) are those of the real server; a test compares the result with captured bodies where they are at hand.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from slskdn_tui.lab.data import Credit, GroupFact, MediumFact, RelationFact, ReleaseFact, TrackFact

NAMESPACE = "http://musicbrainz.org/ns/mmd-2.0#"
EXTENSION = "http://musicbrainz.org/ns/ext#-2.0"
INLINE_LIMIT = 25
PAGE_LIMIT = 100
_HEADER = b'<?xml version="1.0" encoding="UTF-8"?>\n'
TRACK_LIMIT = 500
"""Tracks on one browse page with inc=recordings."""


class World:
    """The releases a lab server knows, found by id, and their artists and labels; `merged` maps an old MBID to the one it was merged into."""

    def __init__(
        self, releases: Iterable[ReleaseFact], merged: Mapping[str, str] | None = None, relations: Iterable[RelationFact] = ()
    ) -> None:
        self.releases = tuple(releases)
        self.merged = dict(merged or {})
        self.by_id = {release.mbid: release for release in self.releases}
        self.groups: dict[str, GroupFact] = {release.group.mbid: release.group for release in self.releases}
        self.recordings: dict[str, tuple[ReleaseFact, TrackFact]] = {}
        for release in self.releases:
            for medium in release.media:
                for track in medium.tracks:
                    self.recordings.setdefault(track.recording, (release, track))
        self.first: dict[str, str] = {}
        """The first date of each group."""
        self.names: dict[str, dict[str, str]] = {"artist": {}, "label": {}}
        self.relations: dict[str, list[RelationFact]] = {}
        for release in self.releases:
            if release.date:
                self.first[release.group.mbid] = min(release.date, self.first.get(release.group.mbid, release.date))
            self.names["artist"] |= {credit.mbid: credit.name for credit in release.artist}
            self.names["label"] |= {label.mbid: label.name for label in release.labels}
        for relation in relations:
            self.relations.setdefault(relation.source, []).append(relation)
            self.names[relation.kind].setdefault(relation.mbid, relation.name)

    def real_id(self, mbid: str) -> str:
        return self.merged.get(mbid, mbid)

    def linked(self, link: str, mbid: str) -> list[ReleaseFact] | None:
        """Releases of a `release-group`, `recording`, `artist` or `label`; None when there is no such entity."""
        if link == "release-group":
            found = [release for release in self.releases if release.group.mbid == mbid]
        elif link == "recording":
            found = [r for r in self.releases if any(track.recording == mbid for medium in r.media for track in medium.tracks)]
        elif link == "artist":
            found = [release for release in self.releases if any(credit.mbid == mbid for credit in release.artist)]
        elif link == "label":
            found = [release for release in self.releases if any(label.mbid == mbid for label in release.labels)]
        else:
            return None
        return found if found or mbid in self.names.get(link, ()) else None


def _text(parent: ET.Element, tag: str, value: str | int | None) -> None:
    if value not in (None, ""):
        ET.SubElement(parent, tag).text = str(value)


def _credit(parent: ET.Element, names: Sequence[Credit]) -> None:
    box = ET.SubElement(parent, "artist-credit")
    for credit in names:
        entry = ET.SubElement(box, "name-credit", {"joinphrase": credit.join} if credit.join else {})
        artist = ET.SubElement(entry, "artist", {"id": credit.mbid})
        _text(artist, "name", credit.name)
        _text(artist, "sort-name", credit.sort_name)


def _recording(parent: ET.Element, release: ReleaseFact, track: TrackFact, inc: frozenset[str]) -> ET.Element:
    element = ET.SubElement(parent, "recording", {"id": track.recording})
    _text(element, "title", track.recording_title or track.title)
    _text(element, "length", track.length)
    if track.video:
        _text(element, "video", "true")
    if "artist-credits" in inc:
        _credit(element, track.recording_artist or release.track_artist(track))
    return element


def _track(parent: ET.Element, tag: str, release: ReleaseFact, track: TrackFact, inc: frozenset[str]) -> None:
    element = ET.SubElement(parent, tag, {"id": track.mbid})
    _text(element, "position", track.position)
    _text(element, "number", track.number)
    if track.recording_title and track.recording_title != track.title:
        _text(element, "title", track.title)
    _text(element, "length", track.length)
    if "artist-credits" in inc and track.recording_artist:
        _credit(element, release.track_artist(track))
    _recording(element, release, track, inc)


def _medium(parent: ET.Element, release: ReleaseFact, medium: MediumFact, inc: frozenset[str], only: str = "") -> None:
    element = ET.SubElement(parent, "medium", {"id": medium.mbid} if medium.mbid else {})
    _text(element, "title", medium.title)
    _text(element, "position", medium.position)
    _text(element, "format", medium.format)
    plain = [track for track in medium.tracks if not track.pregap and not track.data]
    data = [track for track in medium.tracks if track.data]
    if "recordings" not in inc:
        shown = [track for track in plain if track.recording == only] if only else []
        tracks = ET.SubElement(
            element, "track-list", {"count": str(len(plain))} | ({"offset": str(plain.index(shown[0]))} if shown else {})
        )
        for track in shown:
            entry = ET.SubElement(tracks, "track", {"id": track.mbid})
            _text(entry, "position", track.position)
            _text(entry, "number", track.number)
            _text(entry, "title", track.title)
            _text(entry, "length", track.length)
        return
    for track in medium.tracks:
        if track.pregap:
            _track(element, "pregap", release, track, inc)
    tracks = ET.SubElement(element, "track-list", {"count": str(len(plain)), "offset": "0"})
    for track in plain:
        _track(tracks, "track", release, track, inc)
    if data:
        rows = ET.SubElement(element, "data-track-list", {"count": str(len(data)), "offset": "0"})
        for track in data:
            _track(rows, "track", release, track, inc)


def _group(parent: ET.Element, world: World, group: GroupFact, inc: frozenset[str]) -> ET.Element:
    kind = group.secondary[0] if group.secondary else group.type
    element = ET.SubElement(parent, "release-group", {"type": kind, "id": group.mbid} if kind else {"id": group.mbid})
    _text(element, "title", group.title)
    _text(element, "first-release-date", world.first.get(group.mbid, ""))
    _text(element, "primary-type", group.type)
    if group.secondary:
        types = ET.SubElement(element, "secondary-type-list")
        for name in group.secondary:
            _text(types, "secondary-type", name)
    if inc & {"artists", "artist-credits"}:
        _credit(element, group.artist)
    return element


def _release(
    parent: ET.Element, world: World, release: ReleaseFact, inc: frozenset[str], *, score: int | None = None, only: str = ""
) -> None:
    element = ET.SubElement(parent, "release", {"id": release.mbid} | ({"ext:score": str(score)} if score is not None else {}))
    _text(element, "title", release.title)
    _text(element, "status", release.status)
    _text(element, "disambiguation", release.disambiguation)
    if release.script:
        _text(ET.SubElement(element, "text-representation"), "script", release.script)
    if inc & {"artists", "artist-credits"}:
        _credit(element, release.artist)
    if "release-groups" in inc:
        _group(element, world, release.group, inc)
    _text(element, "date", release.date)
    _text(element, "country", release.country)
    _text(element, "barcode", release.barcode)
    if "labels" in inc and release.labels:
        labels = ET.SubElement(element, "label-info-list", {"count": str(len(release.labels))})
        for label in release.labels:
            info = ET.SubElement(labels, "label-info")
            _text(info, "catalog-number", label.catalog)
            entry = ET.SubElement(info, "label", {"id": label.mbid})
            _text(entry, "name", label.name)
            _text(entry, "sort-name", label.name)
    if inc & {"media", "recordings"}:
        media = ET.SubElement(element, "medium-list", {"count": str(len(release.media))})
        if score is not None:
            _text(media, "track-count", sum(_plain_count(medium) for medium in release.media))
        for medium in release.media:
            _medium(media, release, medium, inc, only)
    _relations(element, world, release.mbid, inc)
    if "url-rels" in inc and release.discogs:
        links = ET.SubElement(element, "relation-list", {"target-type": "url"})
        link = ET.SubElement(links, "relation", {"type": "discogs"})
        _text(link, "target", f"https://www.discogs.com/release/{release.discogs}")


def _relations(parent: ET.Element, world: World, source: str, inc: frozenset[str]) -> None:
    for kind in ("artist", "label"):
        found = [relation for relation in world.relations.get(source, ()) if relation.kind == kind and f"{kind}-rels" in inc]
        box = ET.SubElement(parent, "relation-list", {"target-type": kind}) if found else parent
        for relation in found:
            entry = ET.SubElement(box, "relation", {"type": relation.type})
            _text(entry, "target", relation.mbid)
            other = ET.SubElement(entry, kind, {"id": relation.mbid})
            _text(other, "name", relation.name)
            _text(other, "sort-name", relation.name)


def _worked_on(parent: ET.Element, world: World, artist: str, inc: frozenset[str]) -> None:
    """Releases and recordings that name the artist in a relation of theirs: the same relations from the other end."""
    for kind, known in (("release", world.by_id), ("recording", world.recordings)):
        rows = [(source, each) for source, found in world.relations.items() if source in known for each in found if each.mbid == artist]
        box = ET.SubElement(parent, "relation-list", {"target-type": kind}) if rows and f"{kind}-rels" in inc else None
        for source, each in rows if box is not None else ():
            assert box is not None
            entry = ET.SubElement(box, "relation", {"type": each.type})
            _text(entry, "target", source)
            _text(entry, "direction", "forward")
            other = ET.SubElement(entry, kind, {"id": source})
            _text(other, "title", world.by_id[source].title if kind == "release" else world.recordings[source][1].title)


def search_recordings(world: World, query: str, *, limit: int, offset: int) -> bytes:
    """The body of GET /ws/2/recording?query=rid:(...): each with all its releases."""
    ids = [mbid for name, text in _FIELD.findall(query) if name == "rid" for mbid in text.lower().split() if mbid in world.recordings]
    root = ET.Element("metadata", {"xmlns:ext": EXTENSION})
    rows = ET.SubElement(root, "recording-list", {"count": str(len(ids)), "offset": str(offset)})
    for mbid in ids[offset : offset + min(limit, PAGE_LIMIT)]:
        release, track = world.recordings[mbid]
        element = _recording(rows, release, track, frozenset({"artist-credits"}))
        element.set("ext:score", "100")
        held = ET.SubElement(element, "release-list")
        for each in world.linked("recording", mbid) or []:
            _release(held, world, each, frozenset({"release-groups", "media"}))
    return _document(root)


def _plain_count(medium: MediumFact) -> int:
    return sum(not track.pregap and not track.data for track in medium.tracks)


def _document(root: ET.Element) -> bytes:
    """Bytes as the server sends them: default namespace, XML declaration, UTF-8."""
    root.set("xmlns", NAMESPACE)
    return _HEADER + ET.tostring(root, encoding="unicode").encode()


def error(*lines: str) -> bytes:
    root = ET.Element("error")
    for line in lines:
        _text(root, "text", line)
    return _HEADER + ET.tostring(root, encoding="unicode").encode()


def lookup(world: World, entity: str, mbid: str, inc: frozenset[str]) -> bytes | None:
    """The body of GET /ws/2/`entity`/`mbid`, or None when there is none."""
    root = ET.Element("metadata")
    mbid = world.real_id(mbid)
    if entity == "release" and mbid in world.by_id:
        _release(root, world, world.by_id[mbid], inc)
    elif entity == "release-group" and mbid in world.groups:
        element = _group(root, world, world.groups[mbid], inc)
        if "releases" in inc:
            _inline(element, world, world.linked("release-group", mbid) or [], inc - {"artists", "artist-credits"})
    elif entity == "recording" and mbid in world.recordings:
        release, track = world.recordings[mbid]
        element = _recording(root, release, track, inc | ({"artist-credits"} if "artists" in inc else set()))
        if "releases" in inc:
            _inline(element, world, world.linked("recording", mbid) or [], inc - {"artists", "artist-credits"}, only=mbid)
    elif mbid in world.names.get(entity, ()):
        element = ET.SubElement(root, entity, {"id": mbid})
        _text(element, "name", world.names[entity][mbid])
        _text(element, "sort-name", world.names[entity][mbid])
        _relations(element, world, mbid, inc)
        _worked_on(element, world, mbid, inc)
    else:
        return None
    return _document(root)


def _inline(parent: ET.Element, world: World, releases: Sequence[ReleaseFact], inc: frozenset[str], only: str = "") -> None:
    rows = ET.SubElement(parent, "release-list", {"count": str(len(releases))})
    for release in releases[:INLINE_LIMIT]:
        _release(rows, world, release, inc, only=only)


def browse(
    world: World,
    link: str,
    mbid: str,
    inc: frozenset[str],
    *,
    limit: int,
    offset: int,
    status: frozenset[str],
    type_: frozenset[str] = frozenset(),
) -> bytes | None:
    """The body of GET /ws/2/release?`link`=`mbid`, or None when there is no such entity. `status` and `type_` in lower case, empty for all."""
    found = world.linked(link, world.real_id(mbid))
    if found is None:
        return None
    kept = [
        release
        for release in found
        if (not status or release.status.lower() in status) and (not type_ or release.group.type.lower() in type_)
    ]
    root = ET.Element("metadata")
    rows = ET.SubElement(root, "release-list", {"count": str(len(kept))} | ({"offset": str(offset)} if offset else {}))
    tracks = 0
    for release in kept[offset : offset + min(limit, PAGE_LIMIT)]:
        tracks += sum(len(medium.tracks) for medium in release.media)
        if "recordings" in inc and tracks > TRACK_LIMIT and len(rows):
            break
        _release(rows, world, release, inc)
    return _document(root)


_FIELD = re.compile(r"(\w+):\(((?:\\.|[^)\\])*)\)")


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", re.sub(r"\\(.)", r"\1", text).casefold())


def search(world: World, query: str, *, limit: int, offset: int) -> bytes:
    """The body of GET /ws/2/release?query=...: `artist:(...)`, `release:(...)`, `reid:(...)` and free words, best first with ext:score."""
    fields = [(name, _words(text)) for name, text in _FIELD.findall(query)]
    free = _words(_FIELD.sub(" ", query))
    hits: list[tuple[int, ReleaseFact]] = []
    ids = {mbid for name, text in _FIELD.findall(query) if name == "reid" for mbid in text.lower().split()}
    for release in world.releases:
        if release.mbid in ids:
            hits.append((100, release))
        if ids:
            continue
        artist, title = set(_words(release.artist_name)), set(_words(release.title))
        haystacks = {"artist": artist, "release": title, "": artist | title}
        wanted = found = 0
        for name, words in [*fields, ("", free)]:
            wanted += len(words)
            found += sum(word in haystacks.get(name, set()) for word in words)
        if wanted and found * 2 > wanted:
            hits.append((100 * found // wanted, release))
    hits.sort(key=lambda hit: -hit[0])
    root = ET.Element("metadata", {"xmlns:ext": EXTENSION})
    rows = ET.SubElement(root, "release-list", {"count": str(len(hits)), "offset": str(offset)})
    everything = frozenset({"artist-credits", "release-groups", "labels", "media"})
    for score, release in islice(hits, offset, offset + min(limit, PAGE_LIMIT)):
        _release(rows, world, release, everything, score=score)
    return _document(root)


def search_names(world: World, kind: str, query: str, *, limit: int, offset: int) -> bytes:
    """The body of GET /ws/2/artist?query=... or /label?query=...: those that hold all the words, the shortest name first."""
    fields = _FIELD.findall(query)
    words = {word for _, text in fields for word in _words(text)} or set(_words(query))
    hits = sorted((len(name), name, mbid) for mbid, name in world.names[kind].items() if words and words <= set(_words(name)))
    root = ET.Element("metadata", {"xmlns:ext": EXTENSION})
    rows = ET.SubElement(root, f"{kind}-list", {"count": str(len(hits)), "offset": str(offset)})
    for place, (_, name, mbid) in enumerate(hits[offset : offset + min(limit, PAGE_LIMIT)]):
        element = ET.SubElement(rows, kind, {"id": mbid, "ext:score": str(max(1, 100 - place))})
        _text(element, "name", name)
        _text(element, "sort-name", name)
    return _document(root)
