"""A discography as a tree: sections, one edition a group, what of it is here. Core.

*core*: albums without a secondary type that came out officially. *extended*: EPs, and live recordings, compilations, remixes, soundtracks, DJ mixes and
mixtapes that are albums, EPs or of no primary type. *related*: what somebody else is credited with first. *other*: singles, broadcasts, spoken word,
demos, and what says no type.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from slskdn_tui.engine.music.editions import Order, best_editions_first, why_first
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.graph import SECTIONS, GraphRelease, GroupRow, Section
from slskdn_tui.model.music import ReleaseHit
from slskdn_tui.model.text import SafeText

_MUSIC = frozenset({"Live", "Compilation", "Remix", "Soundtrack", "DJ-mix", "Mixtape/Street"})
"""Secondary types of music that was put out before or elsewhere; others are speech, or were never meant to come out."""
_UNASKED = frozenset({"Bootleg", "Pseudo-Release", "Cancelled"})
_YEARS = re.compile(r"(\d{4})?(-)?(\d{4})?")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a discography is shown or fetched. `years`: first and last of the group's first release; `label`: an MBID or a name."""

    years: tuple[int, int] | None = None
    label: str = ""
    bootlegs: bool = False
    missing: bool = False
    sections: tuple[Section, ...] = ()


@dataclass(frozen=True, slots=True)
class Tree:
    """Groups in the order shown, and how many were left out as bootlegs."""

    rows: tuple[GroupRow, ...] = ()
    bootlegs: int = 0

    @property
    def counts(self) -> tuple[tuple[Section, int], ...]:
        found = Counter(row.section for row in self.rows)
        return tuple((name, found[name]) for name in SECTIONS)


@dataclass(slots=True)
class _Group:
    first: GraphRelease
    editions: list[GraphRelease] = field(default_factory=list)


def years(text: str) -> tuple[int, int]:
    """`1991`, `1990-1999`, `1990-` or `-1999`. UserError `usage`."""
    match = _YEARS.fullmatch(text)
    begin, dash, end = match.groups() if match else (None, None, None)
    if not (begin or end) or (end and not dash):
        raise UserError("usage", f"{text!r} are no years", "write e.g. 1991, 1990-1999 or 1990-")
    found = int(begin or 0), int(end or (9999 if dash else begin or 0))
    if found[0] > found[1]:
        raise UserError("usage", f"{text!r} ends before it begins", "write the earlier year first")
    return found


def read_wanted(text: str) -> Wanted:
    """`section:core section:extended year:1990-1999 label:NAME bootlegs missing`, a name with spaces in quotes. UserError `usage`."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UserError("usage", f"the filter cannot be read: {error}", "close the quote") from None
    span, label, flags, sections = None, "", set[str](), list[Section]()
    for word in words:
        name, colon, value = word.partition(":")
        match name:
            case "section" if value in SECTIONS:
                sections += [each for each in SECTIONS if each == value]
            case "year" if value:
                span = years(value)
            case "label" if value:
                label = value
            case "bootlegs" | "missing" if not colon:
                flags.add(name)
            case _:
                raise UserError(
                    "usage",
                    f"{word!r} is no filter of a discography",
                    "there are section:core|extended|related|other, year:1990-1999, label:NAME, bootlegs, missing",
                )
    return Wanted(span, label, "bootlegs" in flags, "missing" in flags, tuple(dict.fromkeys(sections)))


def section_of(primary: str, secondary: Sequence[str]) -> Section:
    """Where a type belongs, by MusicBrainz' names of it."""
    if primary == "Album" and not secondary:
        return "core"
    if set(secondary) <= _MUSIC and (primary == "EP" or (secondary and primary in ("Album", ""))):
        return "extended"
    return "other"


def tree(
    releases: Sequence[GraphRelease],
    wanted: Wanted,
    *,
    artist: str = "",
    order: Order = "ours",
    owned: Mapping[str, int] | None = None,
    chosen: Mapping[str, str] | None = None,
) -> Tree:
    """`artist`: whose discography it is, "" for a label's; `owned`: files here by release MBID; `chosen`: the user's edition by group MBID."""
    owned, chosen = owned or {}, chosen or {}
    groups: dict[str, _Group] = {}
    for release in {each.hit.mbid: each for each in releases}.values():
        groups.setdefault(release.group_mbid, _Group(release)).editions.append(release)
    rows: list[GroupRow] = []
    bootlegs = 0
    for mbid, group in groups.items():
        kept = [each for each in group.editions if wanted.bootlegs or each.hit.status not in _UNASKED]
        bootlegs += not kept
        if wanted.label:
            kept = [each for each in kept if _on_label(each, wanted.label)]
        if kept:
            rows.append(_row(group.first, group.editions, kept, artist, order, owned, chosen.get(mbid, "")))
    shown = [row for row in rows if _shown(row, wanted)]
    shown.sort(key=lambda row: (SECTIONS.index(row.section), row.date or "9999", row.title.casefold(), row.key))
    return Tree(tuple(shown), bootlegs)


def editions(
    releases: Sequence[GraphRelease],
    wanted: Wanted,
    *,
    artist: str = "",
    order: Order = "ours",
    owned: Mapping[str, int] | None = None,
    chosen: Mapping[str, str] | None = None,
) -> Tree:
    """A row an edition of one group, the one that would be fetched first; arguments as of `tree`."""
    owned = owned or {}
    found = tree(releases, Wanted(label=wanted.label, bootlegs=True), artist=artist, order=order, owned=owned, chosen=chosen).rows
    by_mbid = {each.hit.mbid: each for each in releases}
    hits = best_editions_first([each.hit for each in by_mbid.values()], order, owned)
    rows = [
        replace(
            row,
            key=hit.mbid,
            release=hit.mbid,
            title=hit.title,
            date=hit.date,
            format=SafeText(hit.format),
            tracks=hit.track_count,
            label=hit.label,
            editions=1,
            owned=_share(hit, owned),
            why=row.why if hit.mbid == row.release else SafeText(", ".join(part for part in (hit.status, hit.country) if part)),
            chosen=hit.mbid == row.release,
        )
        for row in found
        for hit in sorted(hits, key=lambda hit: hit.mbid != row.release)
        if by_mbid[hit.mbid].group_mbid == row.key
    ]
    return Tree(tuple(rows))


def _row(
    facts: GraphRelease,
    editions: Sequence[GraphRelease],
    kept: Sequence[GraphRelease],
    artist: str,
    order: Order,
    owned: Mapping[str, int],
    chosen: str,
) -> GroupRow:
    hits = best_editions_first([each.hit for each in kept], order, owned)
    mine = next((hit for hit in hits if hit.mbid == chosen), None)
    best = mine or hits[0]
    section = section_of(facts.primary, facts.secondary)
    if section == "core" and not any(each.hit.status == "Official" for each in editions):
        section = "extended"
    if artist and facts.artists and facts.artists[0] != artist:
        section = "related"
    kind = " + ".join(part for part in (facts.primary, *facts.secondary) if part)
    return GroupRow(
        facts.group_mbid,
        0,
        section,
        facts.group_title,
        best.artist,
        facts.first or min((each.hit.date for each in editions if each.hit.date), default=""),
        SafeText(kind or "no type"),
        best.mbid,
        SafeText(best.format),
        best.track_count,
        best.label,
        len(kept),
        max(_share(each.hit, owned) for each in editions),
        SafeText("your choice") if mine else why_first(best, hits, order, owned),
        mine is not None,
    )


def _share(hit: ReleaseHit, owned: Mapping[str, int]) -> float:
    return round(min(1.0, owned.get(hit.mbid, 0) / hit.track_count), 4) if hit.track_count else 0.0


def _shown(row: GroupRow, wanted: Wanted) -> bool:
    year = row.date[:4]
    if wanted.years and not (year.isdigit() and wanted.years[0] <= int(year) <= wanted.years[1]):
        return False
    return (not wanted.sections or row.section in wanted.sections) and not (wanted.missing and row.owned >= 1)


def _on_label(release: GraphRelease, label: str) -> bool:
    key = " ".join(label.casefold().split())
    return any(key in (mbid, " ".join(name.casefold().split())) for mbid, name in release.labels)
