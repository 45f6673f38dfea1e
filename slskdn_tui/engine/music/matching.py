"""Which of the files that Soulseek found are which tracks of a release. Core.

Files are grouped by user and album folder (disc folders joined), and a folder's files are assigned to the release's tracks at once, one file
a track: so an album comes from one source where one has it all. What counts for a pair is title, length and number; for a candidate how well
and how completely it matches, then codec, free slot, speed, queue and what is known of the user.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from slskdn_tui.engine.music.assign import assign
from slskdn_tui.engine.music.titles import NameReading, album_folder, alike, normal, read_name, versions, words_alike
from slskdn_tui.model.candidates import FoundFile, SearchReply
from slskdn_tui.model.codec import codec_of, codec_rank, is_lossless
from slskdn_tui.model.jobs import Constraints
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText

FILES_A_FOLDER = 500
"""A folder with more audio files is a heap, not an album; the first so many are looked at."""
LEAST_PAIR = 0.5
"""A file is a track's only from this likeness on."""
LEAST_TITLE = 0.45
"""A title less alike is another title, wherever it stands."""
LENGTH_GRACE_S = 2.0
LENGTH_MOST_S = 20.0
LENGTH_MOST_SHARE = 0.15
"""Off by more than both: another recording, whatever the name says."""
_TITLE, _LENGTH, _NUMBER = 0.65, 0.2, 0.15
_AGREEMENT = 0.1
_NAMELESS = 0.75  # the most that number and length alone can say


@dataclass(frozen=True, slots=True)
class AlbumCandidate:
    """A user's folder as a source of the release. `files` pairs track positions with files, in order; `score` 0-1; `why` says it in a line."""

    username: str
    folder: str
    files: tuple[tuple[int, FoundFile], ...]
    score: float
    complete: bool
    why: SafeText
    lossy_tracks: int


@dataclass(frozen=True, slots=True)
class _File:
    found: FoundFile
    codec: str
    disc: int | None
    reading: NameReading


@dataclass(frozen=True, slots=True)
class _Want:
    track: Track
    titles: tuple[str, ...]


def _length_score(track: Track, seconds: int | None) -> float | None:
    """1 within the grace, falling to 0 at the most; None when either side is unknown; negative when it cannot be this recording."""
    if not track.length_ms or not seconds or seconds <= 0:
        return None
    wanted = track.length_ms / 1000
    off = abs(wanted - seconds)
    if off > max(LENGTH_MOST_S, wanted * LENGTH_MOST_SHARE):
        return -1.0
    return 1.0 if off <= LENGTH_GRACE_S else max(0.0, 1 - (off - LENGTH_GRACE_S) / (LENGTH_MOST_S - LENGTH_GRACE_S))


def _pair(want: _Want, file: _File, discs: int) -> float:
    """0-1: how well a file fits a track."""
    length = _length_score(want.track, file.found.seconds)
    if length is not None and length < 0:
        return 0.0
    disc = file.disc if file.disc is not None else file.reading.disc
    number: float | None = None
    if file.reading.number is not None:
        same_disc = disc is None or disc == want.track.disc or discs == 1
        through = disc is None and discs > 1 and file.reading.number == want.track.position
        number = 1.0 if through or (file.reading.number == want.track.number and same_disc) else 0.0
    elif disc is not None and discs > 1 and disc != want.track.disc:
        number = 0.0
    if not file.reading.titles:
        if not number:
            return 0.0
        return _NAMELESS * (1.0 if length is None else 0.4 + 0.6 * length)
    # Files of a live album often say `(live)` where MusicBrainz does not: the very length in the very place outweighs such a word.
    sure = number == 1.0 and length == 1.0
    title = max(_title(wanted, text, sure) for wanted in want.titles for text in file.reading.titles)
    if title < LEAST_TITLE:
        return 0.0
    total, weight = _TITLE * title, _TITLE
    if length is not None:
        total, weight = total + _LENGTH * length, weight + _LENGTH
    if number is not None:
        total, weight = total + _NUMBER * number, weight + _NUMBER
    # A like title is needed: number and length fit some track of every album.
    return min(total / weight, title + 0.2)


def _title(wanted: str, text: str, sure: bool) -> float:
    """Likeness of two titles, less when one is a remix or live version and the other is not."""
    return alike(wanted, text) * (1.0 if versions(wanted) == versions(text) else 0.8 if sure else 0.4)


def _wishes(release: Release) -> list[_Want]:
    wishes = []
    for track in release.tracks:
        titles = [normal(track.title)]
        if track.artist != release.artist:  # a compilation: file names carry each track's artist
            titles += [normal(f"{track.artist} {track.title}"), normal(f"{track.title} {track.artist}")]
        wishes.append(_Want(track, tuple(titles)))
    return wishes


def _match(wishes: Sequence[_Want], files: Sequence[_File], discs: int, constraints: Constraints) -> list[tuple[int, _File, float]]:
    """(index into wishes, file, likeness) of the best assignment with at most the allowed lossy files."""
    lossy_allowed = constraints.max_lossy_tracks_per_album
    pool = [file for file in files if lossy_allowed > 0 or is_lossless(file.codec)]
    scores = [[_pair(want, file, discs) for file in pool] for want in wishes]
    used = [index for index in range(len(pool)) if any(row[index] >= LEAST_PAIR for row in scores)]
    if not used:
        return []
    worse = [_codec_penalty(pool[index].codec, constraints) for index in used]
    # One idle column a wish lets it stay without a file, at the cost of a pair just below the least.
    idle = 1 - LEAST_PAIR + 0.3
    cost = [
        [(1 - row[index] + penalty) if row[index] >= LEAST_PAIR else 2.0 for index, penalty in zip(used, worse, strict=True)]
        + [idle] * len(wishes)
        for row in scores
    ]
    pairs = [
        (row, pool[used[column]], scores[row][used[column]])
        for row, column in enumerate(_cheapest(cost, len(used)))
        if column < len(used) and scores[row][used[column]] >= LEAST_PAIR
    ]
    lossy = sorted((pair for pair in pairs if not is_lossless(pair[1].codec)), key=lambda pair: -pair[2])
    dropped = {pair[0] for pair in lossy[lossy_allowed:]}
    return [pair for pair in pairs if pair[0] not in dropped]


def _cheapest(cost: Sequence[Sequence[float]], real: int) -> list[int]:
    """The best assignment; where every row's own best column is free of others (the usual folder), it is that, without more work."""
    best = [min(range(len(line)), key=line.__getitem__) for line in cost]
    taken = [column for column in best if column < real]
    return best if len(set(taken)) == len(taken) else assign(cost)


def _codec_penalty(codec: str, constraints: Constraints) -> float:
    rank = codec_rank(codec, constraints.preferred_codecs)
    if rank is not None:
        return 0.1 * rank  # the user's order, whatever is lossless in it
    return 0.1 if is_lossless(codec) else 0.2


def _groups(replies: Sequence[SearchReply], prefixes: tuple[str, ...]) -> dict[tuple[str, str], tuple[SearchReply, list[_File]]]:
    groups: dict[tuple[str, str], tuple[SearchReply, list[_File]]] = {}
    seen: set[tuple[str, str]] = set()
    for reply in replies:
        for found in reply.files:
            codec = codec_of(found.name) or codec_of(found.extension)
            if not codec or found.size <= 0 or (reply.username, found.path) in seen:
                continue
            seen.add((reply.username, found.path))
            folder, disc = album_folder(found.folder)
            _, files = groups.setdefault((reply.username, folder), (reply, []))
            if len(files) < FILES_A_FOLDER:
                files.append(_File(found, codec, disc, read_name(found.name, prefixes)))
    return groups


def album_candidates(
    release: Release,
    replies: Sequence[SearchReply],
    constraints: Constraints,
    history: Callable[[str], float] = lambda username: 0.5,
) -> tuple[AlbumCandidate, ...]:
    """Every folder that has at least one track, best first: complete ones before parts, then by score.

    `history` gives 0-1 for a user name, 0.5 for unknown. The same user may answer several queries; a path counts once.
    """
    artist, album = normal(release.artist), normal(release.title)
    prefixes = tuple(dict.fromkeys(text for text in (f"{artist} {album}", artist, album) if text))
    wishes = _wishes(release)
    found: list[AlbumCandidate] = []
    for (username, folder), (reply, files) in _groups(replies, prefixes).items():
        pairs = _match(wishes, files, release.disc_count, constraints)
        if not pairs:
            continue
        likeness = sum(pair[2] for pair in pairs) / len(pairs)
        coverage = len(pairs) / len(wishes)
        lossy = sum(not is_lossless(pair[1].codec) for pair in pairs)
        penalty = sum(_codec_penalty(pair[1].codec, constraints) for pair in pairs) / len(pairs)
        named = words_alike({*artist.split(), *album.split()}, normal(folder))
        spare = min(1.0, max(0, len(files) - len(pairs)) / len(wishes))
        score = (
            0.5 * likeness * coverage
            + 0.07 * named
            + 0.15 * (1 - min(1.0, penalty * 5))
            + 0.08 * (1.0 if reply.free_slot else 0.0)
            + 0.07 * min(1.0, max(0, reply.speed) / 2_000_000)
            + 0.05 / (1 + max(0, reply.queue) / 10)
            + 0.08 * min(1.0, max(0.0, history(username)))
            - 0.03 * spare
        )
        complete = len(pairs) == len(wishes)
        words = _why(reply, [pair[1] for pair in pairs], len(wishes), likeness, lossy)
        chosen = tuple((wishes[row].track.position, file.found) for row, file, _ in sorted(pairs, key=lambda pair: pair[0]))
        found.append(AlbumCandidate(username, folder, chosen, round(max(0.0, min(1.0, score)), 4), complete, words, lossy))
    if constraints.prefer_canonical_variants:
        found = _by_agreement(found)
    found.sort(key=lambda candidate: (not candidate.complete, -candidate.score, candidate.username, candidate.folder))
    return tuple(found)


def _by_agreement(found: Sequence[AlbumCandidate]) -> list[AlbumCandidate]:
    """The variant most users share is the likeliest to be canonical, and has the most holders to fail over to: the same size counts as agreement."""
    users: dict[tuple[int, int], set[str]] = {}
    for candidate in found:
        for position, file in candidate.files:
            users.setdefault((position, file.size), set()).add(candidate.username)
    most: dict[int, int] = {}
    for (position, _), names in users.items():
        most[position] = max(most.get(position, 0), len(names))
    out = []
    for candidate in found:
        shares = [len(users[position, file.size]) / most[position] for position, file in candidate.files]
        with_others = sum(len(users[position, file.size]) > 1 for position, file in candidate.files)
        words = f"{candidate.why}, {with_others} tracks the same at other users" if with_others else candidate.why
        score = round(candidate.score * (1 - _AGREEMENT) + _AGREEMENT * sum(shares) / len(shares), 4)
        out.append(replace(candidate, score=score, why=SafeText(words)))
    return out


def _why(reply: SearchReply, files: Sequence[_File], wanted: int, likeness: float, lossy: int) -> SafeText:
    codecs = " + ".join(sorted({file.codec for file in files}))
    parts = [f"{len(files)} of {wanted} tracks, names and lengths {likeness:.0%} alike", codecs]
    if lossy:
        parts.append(f"{lossy} lossy")
    parts.append("free slot" if reply.free_slot else f"queue of {max(0, reply.queue)}")
    if reply.speed >= 500:  # 0 is what a user says who never sent anything
        parts.append(f"{reply.speed / 1000:.0f} kB/s")
    return SafeText(", ".join(parts))


def holders(track: Track, candidates: Sequence[AlbumCandidate], *, like: FoundFile | None = None) -> tuple[FoundFile, ...]:
    """Files for one track in the candidates' order; with `like`, those of the same name and size (most likely the same bytes) come first."""
    files = [file for candidate in candidates for position, file in candidate.files if position == track.position]
    if like is None:
        return tuple(files)
    name = like.name.casefold()
    return tuple(sorted(files, key=lambda file: (file.size != like.size or file.name.casefold() != name, file.size != like.size)))


def _query(*parts: str) -> str:
    """Words only: a leading `-` excludes, `*` and quotes mean something else to each client, brackets match nothing."""
    text = " ".join(parts)[:LONGEST_QUERY]
    return " ".join("".join(char if char.isalnum() else " " for char in text).split())


LONGEST_QUERY = 150


def search_queries(release: Release) -> tuple[str, ...]:
    """What to ask Soulseek, best first, at most five: artist and album, then without accents, the album, artist and single tracks."""
    artist = "" if release.artist.casefold() in ("various artists", "[unknown]", "") else str(release.artist)
    tracks = sorted(release.tracks, key=lambda track: (-len(normal(track.title)), track.position))
    asks = [_query(artist, release.title)]
    if normal(release.title) == normal(artist) and tracks:
        asks.insert(0, _query(artist, tracks[0].title))  # a self-titled album's name alone finds everything of the artist
    asks.append(normal(f"{artist} {release.title}"))
    if len(normal(release.title)) >= 8:
        asks.append(_query(release.title))
    asks += [_query(artist or track.artist, track.title) for track in tracks[:2]]
    unique = {ask.casefold(): ask for ask in reversed(asks) if len(ask) >= 3}
    return tuple(ask for ask in dict.fromkeys(asks) if unique.get(ask.casefold()) == ask)[:5]
