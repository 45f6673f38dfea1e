"""Result sets as Soulseek gives them, made from real tracklists: right folders, other editions, folders that lack a track, and mess. Core.

It imports nothing of the matcher and knows nothing of its thresholds. Whatever makes a folder wrong can be seen in the reply (a word, a length, a
number, a file too many or too few), and a right folder says by names or by lengths what it is: what nobody could tell is not asked.
"""

from __future__ import annotations

import random
import unicodedata
import uuid
from dataclasses import dataclass, field, replace

from album_facts import Album, Song, real_albums
from other_editions import EDITIONS, LACKING, Other

from slskdn_tui.model.candidates import FoundFile, SearchReply

JUNK = ("cover.jpg", "folder.jpg", "Thumbs.db", "desktop.ini", "info.nfo", "album.m3u", "rip.log", "album.cue", "booklet.pdf", "video.mkv")


@dataclass
class ResultSet:
    """`truth` gives for a path of a right folder the position of its track; `right` the users who have one. `lossy`: how many tracks may be lossy."""

    album: Album
    lossy: int
    replies: list[SearchReply] = field(default_factory=list)
    truth: dict[tuple[str, str], int] = field(default_factory=dict)
    right: set[str] = field(default_factory=set)
    wrong: dict[str, str] = field(default_factory=dict)
    """User name -> what is wrong with that folder."""


def result_set(seed: int, index: int) -> ResultSet:
    """Set `index` of a seed: the same for the same numbers."""
    chance = random.Random(f"{seed}:{index}")
    pool = real_albums()
    album = pool[index % len(pool)] if chance.random() < 0.85 else compilation(chance)
    found = ResultSet(album, len(album.songs) if chance.random() < 0.35 else 0)
    users = iter(chance.sample([f"{name}{number}" for name in ("ann", "bob", "cat", "dj_", "eve", "fox") for number in range(8)], 40))
    if chance.random() < 0.9:
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            add(found, chance, next(users), Other(album))
    editions = chance.sample(EDITIONS, len(EDITIONS))
    others = [other for make in editions if (other := make(album, chance)) is not None][: chance.choice((1, 2, 3, 4))]
    others += [other for make in chance.sample(LACKING, chance.choice((1, 1, 2))) if (other := make(album, chance)) is not None]
    strangers = [each for each in pool if not each.same_music(album) and each.title != album.title]
    others += [Other(chance.choice(strangers), "another album") for _ in range(chance.choice((0, 1, 2)))]
    for other in others:
        add(found, chance, next(users), other)
    chance.shuffle(found.replies)
    return found


def compilation(chance: random.Random) -> Album:
    """Songs of a dozen real albums as one by various artists."""
    distinct = {album.group or album.mbid: album for album in real_albums() if len(album.songs) < 100}
    albums = chance.sample(list(distinct.values()), 12)
    songs = [replace(chance.choice(album.songs), disc=1, place=number, number=number) for number, album in enumerate(albums, start=1)]
    first = albums[0]
    title = f"{chance.choice(('Sampler', 'Hits of Summer', 'Night Drive', 'Chillout'))} {chance.randint(1, 40)}"
    return replace(first, mbid="", group="", title=title, artist="Various Artists", disambiguation="", songs=tuple(songs), formats=("CD",))


# How people name things -----------------------------------------------------------------------------------------

FOLDERS = (
    "@@{junk}\\Music\\{artist}\\{album}", "Music\\{artist}\\{year} - {album}", "shared\\{artist} - {album} ({year}) [FLAC]",
    "E:\\MP3\\{artist}\\{album} ({year})", "{artist}-{album}-CD-FLAC-{year}-GRP", "music/{artist}/{album}", "home/me/Music/{artist} - {album}",
    "Complete\\{album}", "downloads\\complete\\{artist} – {album} (Remastered)", "soulseek\\{album} - {artist}", "Musik\\{letter}\\{artist}\\[{year}] {album}",
    "lossless\\{artist}\\{year} {album} [{mbid}]", "{artist}\\Albums\\{album}\\FLAC",
)  # fmt: skip
FILES = (
    "{n:02} {t}", "{n:02} - {t}", "{n:02}. {t}", "{n:02}. {a} - {t}", "{a} - {t}", "{a} - {al} - {n:02} - {t}", "{n:02}_{t}", "[{n:02}] {t} [FLAC]", "{n}. {t}",
    "{t}", "{n:02}-{a}-{t}", "{n:02} - {a} - {t}", "{a} - {n:02} - {t}", "({n:02}) {t}", "{n:02} {t} (www.music.example)", "{a} - {al} - {n:02} {t}", "{n:02}.{t}",
    "{n:02} {t} [{key}]",
)  # fmt: skip
NAMELESS = ("{n:02}", "Track {n:02}", "{n:02} Track {n}", "AudioTrack {n:02}")
DISCS = (
    "{f}{s}CD{d}",
    "{f}{s}CD {d}",
    "{f}{s}Disc {d}",
    "{f}{s}Disc {d} - Bonus",
    "{f} (Disc {d})",
    "{f} CD{d}",
    "{f} [Disc {d}]",
    "{f}{s}disk{d}",
    "{f} - Disc {d}",
)


@dataclass(frozen=True)
class Style:
    folder: str
    file: str
    disc: str
    extension: str
    lengths: str
    letters: str
    junk: bool


def style(chance: random.Random, other: Other, lossy: bool) -> Style:
    album = other.album
    extension = (
        chance.choice(("mp3", "mp3", "flac", "m4a", "ogg")) if lossy else chance.choice(("flac", "flac", "flac", "FLAC", "wv", "ape"))
    )
    lengths = chance.choice(("floor", "floor", "round", "padded", "gaps", "some", "none"))
    nameless = chance.random() < 0.08 and not other.titles and all(song.length for song in album.songs)
    if other.lengths or nameless:
        lengths = chance.choice(("floor", "round", "padded", "gaps"))
    file = chance.choice(NAMELESS if nameless else FILES)
    alike = len({song.title.casefold() for song in album.songs}) < len(album.songs)
    if (other.numbers or alike or (lengths == "none" and album.discs > 1)) and "{n" not in file:
        file = "{n:02} {t}"
    folder = chance.choice(FOLDERS)
    if lengths in ("none", "some") and "{artist}" not in folder:
        folder = FOLDERS[0]  # somebody must say whose album it is
    letters = chance.choice(("", "", "", "", "lower", "UPPER", "ascii", "scene", "short", "typos", "unsafe"))
    if letters == "short" and (other.titles or lengths in ("none", "some")):
        letters = ""  # what is cut away may be the word that tells
    if letters == "short" and not nameless and "{n" not in file:
        file = FILES[0]
    disc = chance.choice((*DISCS, "flat 1-01", "flat 101", "through")) if album.discs > 1 else ""
    if disc == "through" and other.wrong:
        disc = DISCS[0]
    if disc.startswith("flat") and not file.startswith("{n:02}"):
        file = NAMELESS[0] if nameless else FILES[0]
    return Style(folder, file, disc, extension, lengths, letters, chance.random() < 0.6)


def letters(text: str, how: str, chance: random.Random) -> str:
    match how:
        case "lower":
            return text.lower()
        case "UPPER":
            return text.upper()
        case "ascii":
            plain = "".join(char for char in unicodedata.normalize("NFKD", text) if char.isascii())
            return plain if sum(char.isalnum() for char in plain) * 2 > len(text) else text
        case "scene":
            return text.lower().replace(" ", "_").replace("'", "").replace("’", "").replace(",", "").replace("&", "and")
        case "typos" if len(text) > 9 and chance.random() < 0.3:
            at = chance.randrange(3, len(text) - 2)
            return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        case "unsafe":
            return "".join("_" if char in ':?"<>|*/' else char for char in text)
    return text


def add(found: ResultSet, chance: random.Random, user: str, other: Other) -> None:
    """Put one user's reply into the set: a right folder when nothing is wrong with it."""
    position = {song.key: place for place, song in enumerate(found.album.songs, start=1)}
    shown = style(chance, other, found.lossy > 0 and chance.random() < 0.6)
    files = _files(found.album, chance, user, other, shown)
    assert len({file.path for file, _ in files}) == len(files), (shown, [file.path for file, _ in files])
    if other.wrong:
        found.wrong[user] = f"{other.wrong}: {shown}"
    else:
        found.right.add(user)
        found.truth |= {(user, file.path): position[key] for file, key in files if key}
    reply = tuple(file for file, _ in files)
    found.replies.append(
        SearchReply(user, chance.random() < 0.6, chance.choice((0, 40_000, 900_000, 4_000_000)), chance.randint(0, 60), reply)
    )


def _files(wanted: Album, chance: random.Random, user: str, other: Other, shown: Style) -> list[tuple[FoundFile, str]]:
    """Every file of the folder with the key of its song ("" for junk)."""
    album = other.album
    separator = "/" if "/" in shown.folder else "\\"
    mbid = wanted.mbid if not other.wrong else str(uuid.UUID(int=chance.getrandbits(128)))
    names = {"artist": album.artist, "album": album.title + other.folder, "year": album.date[:4] or "1999", "letter": album.artist[0]}
    plain = {name: "".join("_" if char in '/\\:*?"<>|' else char for char in text) for name, text in names.items()}
    root = shown.folder.format(**plain, junk=user[:5], mbid=mbid)
    root = letters(root, shown.letters, chance) if shown.letters in ("lower", "UPPER", "scene") else root
    files = []
    for total, song in enumerate(album.songs, start=1):
        number = total if shown.disc == "through" else song.place
        title = song.title[:20].rstrip() if shown.letters == "short" else letters(song.title, shown.letters, chance)
        words = {
            "t": title,
            "a": letters(song.artist, shown.letters, chance),
            "al": letters(album.title, shown.letters, chance),
            "n": number,
            "key": _id(song.key),
        }
        name = shown.file.format(**words)
        if shown.disc in ("flat 1-01", "flat 101") and name[:2] == f"{number:02}":
            name = f"{song.disc}{'-' if '-' in shown.disc else ''}{name}"
        name = "".join("_" if char in '/\\:*?"<>|' else char for char in name)
        if shown.letters == "scene":
            name = name.replace(" ", "_")
        folder = root
        if shown.disc and shown.disc in DISCS:
            folder = shown.disc.format(f=root, s=separator, d=song.disc)
        path = f"{folder}{separator}{name}.{shown.extension}"
        files.append((_file(chance, user, path, song, shown, song.key == other.broken), song.key))
        if song.key == other.double:
            files.append((_file(chance, user, f"{folder}{separator}{name} (1).{shown.extension}", song, shown, False), ""))
    if shown.junk:
        junk = chance.sample(JUNK, 3)
        files += [(FoundFile(user, f"{root}{separator}{name}", chance.randint(1, 900_000), name.rpartition(".")[2]), "") for name in junk]
        if chance.random() < 0.3:
            first = files[0][0]
            head, _, name = first.path.rpartition(separator)
            files.append((FoundFile(user, f"{head}{separator}._{name}", 4096, first.extension), ""))
    return files


def _id(key: str) -> str:
    return key if len(key) == 36 else str(uuid.uuid5(uuid.NAMESPACE_OID, key))


def _file(chance: random.Random, user: str, path: str, song: Song, shown: Style, broken: bool) -> FoundFile:
    extension = shown.extension
    exact = (song.length or chance.randint(90_000, 400_000)) / 1000
    kbps = {"mp3": 320, "m4a": 256, "ogg": 224}.get(extension, 0) or chance.randint(600, 1000)
    match shown.lengths:
        case "floor":
            said = int(exact)
        case "round":
            said = round(exact)
        case "padded":
            said = int(exact + chance.uniform(0, 1.5))
        case _:
            said = int(exact + chance.uniform(0, 2.5))
    if broken:
        said, exact = max(1, said * 2 // 5), exact * 2 / 5
    known = song.length is not None and (shown.lengths not in ("none", "some") or (shown.lengths == "some" and chance.random() < 0.5))
    lossless = extension.lower() in ("flac", "wv", "ape")
    return FoundFile(
        username=user,
        path=path,
        size=round(exact * kbps * 125) + chance.randint(0, 400_000),
        extension=extension.lower(),
        seconds=max(1, said) if known else None,
        bitrate=kbps if known and not lossless else None,
        sample_rate=44_100 if known and lossless else None,
        bit_depth=16 if known and lossless else None,
    )
