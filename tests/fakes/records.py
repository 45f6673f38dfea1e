"""The story's discography, a release's editions and where it leads, and labels as the mesh has them."""

from __future__ import annotations

from dataclasses import replace

from slskdn_tui.model.graph import SECTIONS, CrateRow, DiscographyView, GroupRow, LabelRow, LabelsView, LabelView, Link, Section
from slskdn_tui.model.text import SafeText as T
from slskdn_tui.model.views import JobRow, JobsView
from tests.fakes import story
from tests.fakes.discography import mbid

ARTIST = mbid("boards of canada")
_GROUPS: tuple[tuple[Section, str, str, str, str, str, int, int, float, str], ...] = (
    ("core", "Music Has the Right to Children", "1998-04-20", "Album", "CD", "Warp Records", 18, 14, 1.0, ""),
    ("core", "Geogaddi", "2002-02-18", "Album", "CD", "Warp Records", 23, 11, 0.0, "active 38%"),
    ("core", "The Campfire Headphase", "2005-10-17", "Album", "Digital Media", "Warp Records", 15, 9, 0.4, ""),
    ("core", "Tomorrow's Harvest", "2013-06-05", "Album", "CD", "Warp Records", 17, 8, 0.0, ""),
    ("extended", "Twoism", "1995", "EP", '12" Vinyl', "Music70", 8, 4, 0.0, ""),
    ("extended", "Hi Scores", "1996-12-09", "EP", "CD", "Skam", 6, 5, 1.0, ""),
    ("extended", "In a Beautiful Place Out in the Country", "2000-11-27", "EP", "CD", "Warp Records", 4, 6, 0.0, ""),
    ("extended", "Trans Canada Highway", "2006-05-26", "EP", "CD", "Warp Records", 6, 3, 0.0, ""),
    ("extended", "Peel Session", "1999-01-11", "EP + Live", "CD", "Warp Records", 3, 4, 0.0, ""),
    ("related", "Dead Dogs Two (remix)", "2004", "EP + Remix", '12" Vinyl', "Mush", 4, 1, 0.0, ""),
    ("other", "Aquarius", "1998-01", "Single", '7" Vinyl', "Skam", 2, 2, 0.0, ""),
    ("other", "Reach for the Dead", "2013-05-23", "Single", "Digital Media", "Warp Records", 1, 1, 0.0, ""),
)
_LINKS = (
    Link(T("member of band"), "artist", mbid("sandison"), T("Michael Sandison")),
    Link(T("member of band"), "artist", mbid("eoin"), T("Marcus Eoin")),
    Link(T("recording contract"), "label", mbid("warp"), T("Warp Records")),
)


def _row(at: int) -> GroupRow:
    section, title, date, kind, form, label, tracks, editions, owned, doing = _GROUPS[at]
    artist = "cLOUDDEAD" if section == "related" else "Boards of Canada"
    return GroupRow(
        mbid("group", title), 1, section, T(title), T(artist), date, T(kind), mbid("release", title), T(form), tracks, T(label), editions,
        owned, T("your choice" if at == 2 else "first, official, the one with most tracks"), at == 2, T(doing),
    )  # fmt: skip


def discography(subject: str, filter_: str = "") -> DiscographyView | None:
    """An artist; a release with its editions; a name that two have (`artist/Plone`); one that MusicBrainz does not answer for (`artist/silent`)."""
    if subject.startswith("release/"):
        return _release(subject)
    if subject == "artist/silent":
        words = T("MusicBrainz does not answer: connection refused")
        return DiscographyView(1, subject, T("silent"), "failed", error=words, hint=T("it is asked again in 30 s"), code="network")
    if subject == "artist/Plone":
        who = (
            Link(T("Birmingham, electronic"), "artist", mbid("plone"), T("Plone")),
            Link(T("Dutch DJ"), "artist", mbid("plone2"), T("Plone")),
        )
        return DiscographyView(
            1, subject, T("Plone"), "failed", links=who, error=T("several have the name 'Plone'"), hint=T("give the MBID"), code="usage"
        )
    if subject == "artist/slow":
        return DiscographyView(1, subject, T("slow"), "asking", 300, 2000)
    rows = [_row(at) for at in range(len(_GROUPS))]
    if "missing" in filter_:
        rows = [row for row in rows if row.owned < 1]
    for word in filter_.split():
        if word.startswith("section:"):
            rows = [row for row in rows if word == f"section:{row.section}"]
    counts = tuple((part, sum(row.section == part for row in rows)) for part in SECTIONS)
    return DiscographyView(
        1, subject, T("Boards of Canada"), "done", 214, 214, tuple(rows), len(rows), counts, 0 if "bootlegs" in filter_ else 7, _LINKS
    )


def _release(subject: str) -> DiscographyView:
    first = replace(_row(2), editions=1)
    facts = (("2005-10-17", "CD", "Warp Records", "Official, GB"), ("2005-09-22", "CD", "Beat Records", "Official, JP"))
    more = tuple(
        replace(
            first, key=mbid("edition", at), release=mbid("edition", at), date=date, format=T(form), label=T(label), why=T(why), chosen=False
        )
        for at, (date, form, label, why) in enumerate(facts)
    )
    links = (
        Link(T("more by"), "artist", ARTIST, T("Boards of Canada")),
        Link(T("same label"), "label", mbid("warp"), T("Warp Records")),
        Link(T("also by this producer"), "producer", mbid("sandison"), T("Michael Sandison")),
    )
    return DiscographyView(1, subject, first.title, "done", 3, 3, (first, *more), 3, (("core", 3),), 0, links)


_LABELS = (
    ("Warp Records", 214, 61),
    ("Warp Singles", 3, 2),
    ("Kompakt", 148, 44),
    ("Basic Channel", 31, 27),
    ("Skam", 40, 19),
    ("Mush", 12, 0),
)


def labels(subject: str) -> LabelsView:
    rows = tuple(
        LabelRow(name, 1, T(name), releases, peers) for name, releases, peers in _LABELS if name.casefold().startswith(subject.casefold())
    )
    return LabelsView(1, rows)


def label(subject: str, filter_: str = "") -> LabelView:
    """One label's releases; of one nobody has, none."""
    facts = (
        ("Selected Ambient Works 85-92", "Aphex Twin", 1992, 61, 12, 0.93, ("FLAC", "MP3"), 1.0, ""),
        ("Geogaddi", "Boards of Canada", 2002, 48, 9, 0.95, ("FLAC",), 0.0, "active 38%"),
        ("Amber", "Autechre", 1994, 40, 4, 0.91, ("FLAC", "MP3"), 0.5, ""),
        ("", "", None, 22, 7, 0.72, ("MP3",), 0.0, ""),
        ("LFO", "LFO", 1991, 9, 0, 0.41, ("MP3",), 0.0, ""),
    )
    if all(subject != name for name, _, _ in _LABELS):
        return LabelView(1, T(subject))
    rows = tuple(
        CrateRow(mbid("crate", at), 1, mbid("crate", at), T(title), T(artist), year, peers, strangers, score, codecs, owned, T(doing))
        for at, (title, artist, year, peers, strangers, score, codecs, owned, doing) in enumerate(facts)
    )
    if "codec:FLAC" in filter_:
        rows = tuple(row for row in rows if "FLAC" in row.codecs)
    return LabelView(1, T(subject), "asking", rows, len(rows))


def jobs() -> JobsView:
    """The story's jobs after a discography: two of its albums are got, one was here, one is fetched, one waits."""
    facts = (
        ("Music Has the Right to Children", "here", "", 18),
        ("Geogaddi", "active", "4d3a0001-0000", 23),
        ("The Campfire Headphase", "searching", "4d3a0002-0000", 15),
        ("Tomorrow's Harvest", "waiting", "", 17),
        ("A Few Old Tunes", "failed", "", 0),
    )
    over = JobRow(
        "4d3a91c0-7a", 1, "4d3a91c0-7a", "discography", T("Boards of Canada: core discography"), T(""), "active", 1, 5, 0.2, 640e3,
        "2026-11-21T20:50:00Z", error=T("the last is searched for in 2 min or more"), children=len(facts),
    )  # fmt: skip
    rows = tuple(
        JobRow(
            job or f"4d3a91c0-7a/{title}", 1, job, "mb_release", T(title), T("Boards of Canada"), state, tracks if state == "here" else 9 if state == "active" else 0, tracks,
            1.0 if state == "here" else 0.38 if state == "active" else 0.0, 640e3 if state == "active" else 0.0, "2026-11-21T20:51:00Z" if job else "",
            error=T("MusicBrainz knows no release of that id") if state == "failed" else T(""), release=mbid("release", title), level=1,
        )
        for title, state, job, tracks in facts
    )  # fmt: skip
    others = story.jobs()
    return JobsView(1, (over, *rows, *others.rows), len(rows) + 1 + len(others.rows))
