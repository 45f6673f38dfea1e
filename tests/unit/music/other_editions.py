"""Folders that are not the album that is wanted: other editions of it, and folders that lack something. Core; made from real tracklists."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from album_facts import Album, Song, real_albums

LIVE = ("(live)", "(Live)", "[live]", "(live at Budokan)", "- Live")
REMIXERS = ("Sasha", "Andrew Weatherall", "DJ Krush", "Four Tet")


@dataclass(frozen=True)
class Other:
    """What another folder holds, and what must be seen of it so that it can be told."""

    album: Album
    wrong: str = ""
    lengths: bool = False
    titles: bool = False
    numbers: bool = False
    folder: str = ""
    """Added to the folder's name."""
    broken: str = ""
    """Key of the song whose file is cut off."""
    double: str = ""
    """Key of the song that lies there twice."""


def _renumbered(album: Album, songs: list[Song]) -> Album:
    counts: dict[int, int] = {}
    out = []
    for song in songs:
        counts[song.disc] = counts.get(song.disc, 0) + 1
        out.append(replace(song, place=counts[song.disc]))
    return album.with_songs(out)


def real_edition(album: Album, chance: random.Random) -> Other | None:
    """Another edition of the same group with other music: it exists in the facts."""
    others = [each for each in real_albums() if each.group and each.group == album.group and not each.same_music(album)]
    return Other(chance.choice(others), "real edition", titles=True) if others else None


def bonus(album: Album, chance: random.Random) -> Other:
    """The deluxe edition: more tracks at the end, or on a disc of their own."""
    more = chance.randint(1, 5)
    disc = album.discs + 1 if chance.random() < 0.4 else album.discs
    strangers = [song for each in real_albums() if not each.same_music(album) for song in each.songs]
    songs = list(album.songs)
    for number in range(more):
        kind = chance.choice(("demo", "live", "remix", "new", "new"))
        song = chance.choice(album.songs if kind != "new" else strangers)
        title = song.title if kind == "new" else f"{song.title} ({kind if kind != 'remix' else chance.choice(REMIXERS) + ' remix'})"
        length = None if song.length is None else round(song.length * chance.uniform(0.7, 1.4))
        songs.append(Song(disc, 0, title, album.artist, length, f"bonus {number}"))
    return Other(
        _renumbered(album, songs),
        "bonus tracks",
        titles=True,
        folder=chance.choice(("", " (Deluxe Edition)", " [Expanded]", " (Bonus Tracks)")),
    )


def shorter(album: Album, chance: random.Random) -> Other | None:
    """The standard edition of a longer one: the last tracks are not on it."""
    if len(album.songs) < 4:
        return None
    return Other(album.with_songs(list(album.songs[: -chance.randint(1, max(1, len(album.songs) // 4))])), "shorter edition")


def live(album: Album, chance: random.Random) -> Other:
    """The concert of the album: every length differs."""
    songs = [replace(song, length=_stretched(song.length, chance, 0.03, 0.3), key=f"live {song.key}") for song in album.songs]
    if chance.random() < 0.6 or any(song.length is None for song in album.songs):
        songs = [replace(song, title=f"{song.title} {chance.choice(LIVE)}") for song in songs]
        return Other(album.with_songs(songs), "live", titles=True)
    words = chance.choice((" (Live)", " - Live in Paris 1999", ""))
    return Other(album.with_songs(songs), "live", lengths=not words, folder=words)


def remixes(album: Album, chance: random.Random) -> Other:
    songs = [
        replace(
            song,
            title=f"{song.title} ({chance.choice(REMIXERS)} Remix)",
            length=_stretched(song.length, chance, 0.05, 0.6),
            key="remix " + song.key,
        )
        for song in album.songs
    ]
    return Other(album.with_songs(songs), "remixes", titles=True, folder=chance.choice(("", " Remixes", " (The Remixes)")))


def sung_by_nobody(album: Album, chance: random.Random) -> Other | None:
    """Instrumentals and karaoke last as long as the songs; only words tell."""
    word = chance.choice(("Instrumental", "Instrumental", "Karaoke"))
    if any("nstrumental" in song.title for song in album.songs) or "nstrumental" in album.title:
        return None
    if chance.random() < 0.5:
        songs = [replace(song, title=f"{song.title} ({word})", key=f"instrumental {song.key}") for song in album.songs]
        return Other(album.with_songs(songs), "instrumental", titles=True)
    return Other(
        album.with_songs([replace(song, key=f"instrumental {song.key}") for song in album.songs]), "instrumental", folder=f" ({word}s)"
    )


def mono(album: Album, chance: random.Random) -> Other:
    return Other(
        album.with_songs([replace(song, key=f"mono {song.key}") for song in album.songs]),
        "mono",
        folder=chance.choice((" (Mono)", " [mono]", " in Mono")),
    )


def other_cut(album: Album, chance: random.Random) -> Other | None:
    """The same titles, but one to three tracks are edits or extended: 8 s and more shorter or longer."""
    known = [song for song in album.songs if song.length and song.length > 40_000]
    if not known:
        return None
    cut = {song.key for song in chance.sample(known, min(len(known), chance.randint(1, 3)))}
    songs = []
    for song in album.songs:
        if song.key in cut and song.length:
            off = max(8_000 + song.length // 100, round(song.length * chance.uniform(0.02, 0.3)))
            longer = chance.random() < 0.5 or off > song.length // 2
            song = replace(song, length=song.length + (off if longer else -off), key=f"cut {song.key}")
        songs.append(song)
    return Other(album.with_songs(songs), "other cut", lengths=True)


def swapped(album: Album, chance: random.Random) -> Other | None:
    """A regional edition: one track is another song."""
    if len(album.songs) < 3:
        return None
    strangers = [
        song
        for each in real_albums()
        if not each.same_music(album)
        for song in each.songs
        if song.title not in {s.title for s in album.songs}
    ]
    at = chance.randrange(len(album.songs))
    new = chance.choice(strangers)
    songs = list(album.songs)
    songs[at] = replace(songs[at], title=new.title, length=new.length or 200_000, key="swapped")
    return Other(album.with_songs(songs), "swapped track", titles=True)


def other_order(album: Album, chance: random.Random) -> Other | None:
    """The same music in another order, as on a cassette."""
    if len(album.songs) < 4 or len({song.title for song in album.songs}) < len(album.songs):
        return None
    songs = list(album.songs)
    half = len(songs) // 2
    songs = [*songs[half:], *songs[:half]]
    return Other(_renumbered(album, [replace(song, disc=1) for song in songs]), "other order", numbers=True, titles=True)


def tribute(album: Album, chance: random.Random) -> Other | None:
    """Somebody else plays the whole album."""
    if any(song.length is None for song in album.songs):
        return None
    songs = [
        replace(song, artist="The Covers", length=_stretched(song.length, chance, 0.04, 0.2), key=f"cover {song.key}")
        for song in album.songs
    ]
    return Other(
        replace(album, artist="The Covers", songs=tuple(songs)), "tribute", lengths=True, folder=chance.choice(("", " - A Tribute"))
    )


def mixed(album: Album, chance: random.Random) -> Other | None:
    """Half of the folder is the album, half its live version."""
    if len(album.songs) < 4:
        return None
    songs = [
        song
        if at % 2
        else replace(song, title=f"{song.title} (live)", length=_stretched(song.length, chance, 0.06, 0.3), key=f"live {song.key}")
        for at, song in enumerate(album.songs)
    ]
    return Other(album.with_songs(songs), "mixed editions", titles=True)


def _stretched(length: int | None, chance: random.Random, least: float, most: float) -> int | None:
    """Longer or shorter by such a share, by 8 s and more."""
    if length is None:
        return None
    off = max(8_000 + length // 100, round(length * chance.uniform(least, most)))
    return length + off if chance.random() < 0.7 or off > length // 2 else length - off


EDITIONS: list[Callable[[Album, random.Random], Other | None]] = [
    real_edition, bonus, shorter, live, remixes, sung_by_nobody, mono, other_cut, swapped, other_order, tribute, mixed,
]  # fmt: skip


# Folders that lack something ------------------------------------------------------------------------------------


def lacks_one(album: Album, chance: random.Random) -> Other | None:
    if len(album.songs) == 1:
        return None
    gone = chance.randrange(len(album.songs))
    return Other(album.with_songs([song for at, song in enumerate(album.songs) if at != gone]), "lacks one track")


def lacks_many(album: Album, chance: random.Random) -> Other:
    keep = max(1, round(len(album.songs) * chance.uniform(0.2, 0.8)))
    kept = set(chance.sample(range(len(album.songs)), min(keep, len(album.songs) - 1) or 1))
    return Other(album.with_songs([song for at, song in enumerate(album.songs) if at in kept]), "a part")


def lacks_a_disc(album: Album, chance: random.Random) -> Other | None:
    if album.discs == 1:
        return lacks_one(album, chance)
    gone = chance.randint(1, album.discs)
    return Other(album.with_songs([song for song in album.songs if song.disc != gone]), "lacks a disc")


def cut_off(album: Album, chance: random.Random) -> Other:
    """All files are there, but one is a broken download."""
    return Other(album, "one file is cut off", lengths=True, titles=True, broken=chance.choice(album.songs).key)


def doubled(album: Album, chance: random.Random) -> Other | None:
    """As many files as tracks: one track is missing, another lies there twice."""
    if len(album.songs) < 3:
        return lacks_one(album, chance)
    gone, twice = chance.sample(range(len(album.songs)), 2)
    return Other(
        album.with_songs([song for at, song in enumerate(album.songs) if at != gone]),
        "one track twice, one not",
        titles=True,
        double=album.songs[twice].key,
    )


LACKING: list[Callable[[Album, random.Random], Other | None]] = [lacks_one, lacks_one, lacks_many, lacks_a_disc, cut_off, doubled]
