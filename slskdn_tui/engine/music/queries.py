"""What to ask Soulseek for a release. Core."""

from __future__ import annotations

from slskdn_tui.engine.music.titles import normal
from slskdn_tui.model.music import Release

LONGEST_QUERY = 150


def _query(*parts: str) -> str:
    """Words only: a leading `-` excludes, `*` and quotes mean something else to each client, brackets match nothing."""
    text = " ".join(parts)[:LONGEST_QUERY]
    return " ".join("".join(char if char.isalnum() else " " for char in text).split())


def search_queries(release: Release, *, alone: bool = False) -> tuple[str, ...]:
    """What to ask, best first, at most five: artist and album, then without accents, the album, artist and single tracks.

    `alone`: the release stands for one recording, so its title is asked first.
    """
    artist = "" if release.artist.casefold() in ("various artists", "[unknown]", "") else str(release.artist)
    tracks = sorted(release.tracks, key=lambda track: (-len(normal(track.title)), track.position))
    asks = [_query(artist, release.title)]
    if alone:
        asks.insert(0, _query(artist or tracks[0].artist, tracks[0].title))
        asks.append(normal(f"{artist or tracks[0].artist} {tracks[0].title}"))
    elif normal(release.title) == normal(artist) and tracks:
        asks.insert(0, _query(artist, tracks[0].title))  # a self-titled album's name alone finds everything of the artist
    asks.append(normal(f"{artist} {release.title}"))
    if len(normal(release.title)) >= 8:
        asks.append(_query(release.title))
    asks += [_query(artist or track.artist, track.title) for track in tracks[:2]]
    unique = {ask.casefold(): ask for ask in reversed(asks) if len(ask) >= 3}
    return tuple(ask for ask in dict.fromkeys(asks) if unique.get(ask.casefold()) == ask)[:5]
