"""Generated artists with as many releases as a test wants: facts for the lab's MusicBrainz. Core."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from slskdn_tui.lab.data import Credit, GroupFact, LabelFact, MediumFact, ReleaseFact, TrackFact

PRIMARY = ("Album", "Single", "EP", "Broadcast", "Other", "")
SECONDARY = (
    "Audio drama", "Audiobook", "Compilation", "DJ-mix", "Demo", "Field recording", "Interview", "Live", "Mixtape/Street", "Remix", "Soundtrack",
    "Spokenword",
)  # fmt: skip


def mbid(*name: object) -> str:
    """The same id for the same name."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(map(str, name))))


ARTIST = Credit(mbid("artist"), "The Generated", "Generated, The")
GUEST = Credit(mbid("guest"), "A Guest", "Guest, A")
LABELS = (LabelFact(mbid("label", 0), "First Label", "A1"), LabelFact(mbid("label", 1), "Second Label", "B1"))


def group(number: int, primary: str = "Album", secondary: Sequence[str] = (), artist: Sequence[Credit] = (ARTIST,)) -> GroupFact:
    return GroupFact(mbid("group", number), f"Record {number}", primary, tuple(artist), tuple(secondary))


def edition(
    of: GroupFact, number: int = 0, *, date: str = "1999-01-01", status: str = "Official", tracks: int = 2, labels: Iterable[LabelFact] = ()
) -> ReleaseFact:
    songs = tuple(
        TrackFact(place, str(place), f"Song {place}", 180_000, mbid(of.mbid, number, "track", place), mbid(of.mbid, "song", place))
        for place in range(1, tracks + 1)
    )
    return ReleaseFact(
        mbid(of.mbid, "edition", number), of.title, of, of.artist, (MediumFact(mbid(of.mbid, number, "disc"), 1, "CD", songs),), status, date,
        "GB", labels=tuple(labels),
    )  # fmt: skip


def releases(count: int) -> tuple[ReleaseFact, ...]:
    """So many albums of one edition each, a year apart from 1900 on in turns of a hundred."""
    return tuple(edition(group(number), date=f"{1900 + number % 100}-01-01") for number in range(count))


def large(groups: int = 300, editions: int = 4) -> tuple[ReleaseFact, ...]:
    """Albums with several editions each."""
    return tuple(
        edition(group(number), which, date=f"{1960 + number % 60}-01-0{which + 1}") for number in range(groups) for which in range(editions)
    )
