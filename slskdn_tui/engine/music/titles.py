"""What a file name says of a track: normalised words, disc and track number, likeness of two titles. Core."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

LONGEST_NAME = 300
_VOICED = frozenset("\u3099\u309a")
"""The marks that tell Japanese `ga` from `ka`: letters, not accents."""
_NOISE = re.compile(r"(?i)\[(?:[0-9a-f]{8}|flac|mp3|\d+ ?k(?:bps)?|320|v0|web|cd|vinyl|24[- ]?bit.*?)\]|\b(?:www\.\S+)")
_NUMBER = re.compile(r"^[\s\[(#]*(?:(?P<disc>\d{1,2})[-.](?=\d))?(?P<number>\d{1,3})(?P<end>[\])]*[\s._)\]-]+|$)")
_SIDE = re.compile(r"^[\[(]?(?P<side>[A-H])(?P<number>\d{1,2})(?:[\])]*[\s._)\]-]+|$)")
_HARMLESS = re.compile(
    r"\b(?:original|album|lp|single|main) (?:mix|version)\b|\b(?:\d{4} )?(?:digital(?:ly)? )?remaster(?:ed)?(?: version| edition)?(?: \d{4})?\b"
)
_VERSIONS = re.compile(
    r"\b(remix(?:es|ed)?|rmx|mix|live|vivo|ao vivo|instrumentals?|acoustic|demos?|karaokes?|extended|edit|reprise|dub|unplugged|a cappella|acapella|cover"
    r"|mono|alternate|alternative|outtakes?|rehearsal|sessions?|tribute|playback|backing|カラオケ|ライブ|オフボーカル|インスト)\b"
)
_SAME_WORD = {
    "rmx": "remix", "remixes": "remix", "remixed": "remix", "vivo": "live", "ao vivo": "live", "instrumentals": "instrumental", "demos": "demo",
    "acapella": "a cappella", "karaokes": "karaoke", "alternative": "alternate", "outtakes": "outtake", "sessions": "session", "カラオケ": "karaoke", "ライブ": "live",
    "オフボーカル": "instrumental", "インスト": "instrumental", "playback": "karaoke", "backing": "karaoke",
}  # fmt: skip
SAME_LENGTH = frozenset({"mono", "instrumental", "karaoke", "a cappella"})
"""Versions that last as long as the song itself: no length tells them apart, only the word does."""
_SLIP = 0.7
_TRACK_WORD = re.compile(r"(?i)^(?:audio ?)?(?:track|titel|piste|pista|traccia)[\s._-]*(?P<number>\d{1,3})\s*$")


@lru_cache(maxsize=20_000)
def normal(text: str) -> str:
    """Lower-case words without marks, accents or signs: `Café (Ünplugged)!` -> `cafe unplugged`. Letters of any script stay."""
    folded = unicodedata.normalize("NFKD", text[:LONGEST_NAME].replace("&", " and ").replace("’", "'")).casefold()
    plain = "".join(char for char in folded if char in _VOICED or not unicodedata.combining(char)).replace("'", "")
    plain = unicodedata.normalize("NFC", plain)
    return " ".join("".join(char if char.isalnum() else " " for char in plain).split())


@lru_cache(maxsize=20_000)
def _pairs(text: str) -> frozenset[str]:
    """Pairs of neighbouring letters, those at word ends included; a repeated pair counts once more under another name."""
    padded = f" {text} "
    seen: dict[str, int] = {}
    out = set()
    for index in range(len(padded) - 1):
        pair = padded[index : index + 2]
        seen[pair] = count = seen.get(pair, 0) + 1
        out.add(pair if count == 1 else f"{pair}{count}")
    return frozenset(out)


@lru_cache(maxsize=20_000)
def versions(text: str) -> frozenset[str]:
    """Words that make another recording of a normalised title: remix, live, ... `Original Mix` and `Remastered 2011` are not among them."""
    return frozenset(_SAME_WORD.get(word, word) for word in _VERSIONS.findall(_HARMLESS.sub(" ", text)))


@lru_cache(maxsize=20_000)
def script(text: str) -> str:
    """`latin`, `other` or "" (no letters) of a normalised text: titles in two scripts can't be compared letter by letter."""
    letters = [char for char in text if char.isalpha()]
    if not letters:
        return ""
    latin = sum(unicodedata.name(char, "").startswith("LATIN") for char in letters)
    return "latin" if latin * 2 >= len(letters) else "other"


@lru_cache(maxsize=200_000)
def alike(one: str, other: str) -> float:
    """0-1 for two normalised titles (Dice over letter pairs)."""
    if one == other:
        return 1.0 if one else 0.0
    a, b = _pairs(one), _pairs(other)
    return 2 * len(a & b) / (len(a) + len(b)) if one and other else 0.0


@dataclass(frozen=True, slots=True)
class NameReading:
    """What a file name can mean: `titles` are normalised alternatives (empty when the name is only a number), numbers None when not said, `side` A to H."""

    titles: tuple[str, ...]
    number: int | None = None
    disc: int | None = None
    side: str = ""


@lru_cache(maxsize=50_000)
def read_name(name: str, prefixes: tuple[str, ...] = ()) -> NameReading:
    """Read a file name. `prefixes` are normalised names (artist, album) that may stand before the title.

    `03 - Artist - Title.flac`, `1-03 Title.mp3`, `(03) Title`, `A2. Title`, `Artist - Album - 03 - Title`, `103 Title` and `Title` are all understood.
    """
    stem = name[: name.rfind(".")] if 0 < name.rfind(".") >= len(name) - 6 else name
    scene = " " not in stem  # `artist-101-title-group`
    stem = _NOISE.sub(" ", stem[:LONGEST_NAME].replace("_", " ")).strip()
    number, disc, rest = _leading(stem)
    if number is not None and _TRACK_WORD.match(rest):
        return NameReading((), number, disc)  # `01 Track 1` names nothing
    titles: dict[str, None] = {}

    def offer(text: str, after_number: bool = False) -> None:
        words = normal(text)
        if not words or (words in prefixes and titles and not after_number):
            return  # `Title - Album`; but what follows the number is the title, be it the album's
        titles.setdefault(words)
        for prefix in prefixes:
            if prefix and words.startswith(prefix + " "):
                titles.setdefault(words[len(prefix) + 1 :])

    offer(rest)
    parts = [part for part in re.split("-" if scene else r"\s+[-–—]\s+", rest) if part.strip()]
    for index, part in enumerate(parts[1:], start=1):
        inner, inner_disc, left = _leading(part)
        if inner is not None and normal(part) in prefixes:
            continue  # an album called `21` is no track number
        if inner is not None and number is None and (left or index + 1 < len(parts)):
            number, disc = inner, inner_disc
        tail = " ".join([left if inner is not None else part, *parts[index + 1 :]])
        before = normal(" ".join(parts[:index]))
        if inner is not None or any(_begins(before, prefix) for prefix in prefixes if prefix):
            offer(tail, inner is not None)
            if scene and index + 2 < len(parts):
                offer(" ".join(parts[index + 1 : -1]), inner is not None)
    head, hyphen, tail = rest.partition("-")
    if hyphen and len(parts) < 2 and any(_begins(normal(head), prefix) for prefix in prefixes if prefix):
        offer(tail)  # `01-artist-title`
    if number is not None and rest and rest != stem:
        offer(stem)  # the number may belong to the title: `2 X 4`
    side = _SIDE.match(stem)
    return NameReading(tuple(titles), number, disc, side["side"] if side else "")


def _begins(text: str, prefix: str) -> bool:
    """Whether one begins with the other, or they differ by a slip of the fingers."""
    return text.startswith(prefix) or prefix.startswith(text) or alike(text, prefix) >= _SLIP


def _leading(text: str) -> tuple[int | None, int | None, str]:
    """(track number, disc, the rest) of a text that begins with a number; (None, None, text) else."""
    if match := _NUMBER.match(text):
        number = int(match["number"])
        disc = int(match["disc"]) if match["disc"] else None
        if disc is None and len(match["number"]) == 3 and 1 <= number // 100 <= 9 and number % 100:
            disc, number = number // 100, number % 100
        return number, disc, text[match.end() :]
    if match := _SIDE.match(text):
        return int(match["number"]), None, text[match.end() :]
    if match := _TRACK_WORD.match(text):
        return int(match["number"]), None, ""
    return None, None, text


_COUNT = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "ii": 2, "iii": 3, "iv": 4}
_DISC = r"(?:cd|dis[ck]|disco|disque|medium|vinyl|lp)[\s._#-]*(?P<disc>0*\d{1,2}(?!\d|[- .]?bit|[-.](?:44|48|96))|(?a:one|two|three|four|five|iii|ii|iv)(?![a-z]))"
_DISC_FOLDER = re.compile(rf"(?i)^[\s(\[]*{_DISC}")
_DISC_MARK = re.compile(rf"(?i)(?P<before>.*?[^\s._,(\[-])[\s._,(\[-]+{_DISC}")
_BONUS_FOLDER = re.compile(r"(?i)^[\s(\[]*bonus(?:[\s._-]*(?:cd|dis[ck]|tracks?))?[\s)\]]*$")
_PLAIN_FOLDER = re.compile(
    r"(?i)^[\s(\[]*(?:flac|mp3|lossless|lossy|audio|music|320|v0|web|16[-. ]?44|24[-. ]?\d+|tracks?|files?)[\s)\]]*$"
)


def _disc_number(text: str) -> int:
    return int(text) if text.isdigit() else _COUNT[text.lower()]


def cut(folder: str) -> tuple[str, str, str]:
    """(everything before the last separator, the separator, the last part)."""
    at = max(folder.rfind("\\"), folder.rfind("/"))
    return (folder[:at], folder[at], folder[at + 1 :]) if at >= 0 else ("", "", folder)


@lru_cache(maxsize=20_000)
def album_folder(folder: str) -> tuple[str, int | None]:
    """(the album's folder, disc number): `Album\\CD1`, `Album (Disc 2)` and `Album CD2 - Name` belong to `Album`, `Album\\Bonus Disc` as 0.

    Both separators occur; None: the folder is no disc of another.
    """
    head, separator, last = cut(folder)
    if head and (match := _DISC_FOLDER.match(last)):
        return head, _disc_number(match["disc"])
    if head and _BONUS_FOLDER.match(last):
        return head, 0
    if match := _DISC_MARK.match(last):
        return head + separator + match["before"], _disc_number(match["disc"])
    return folder, None


def own_name(folder: str) -> str:
    """What an album's folder is called: its last part, or the one above where that says only `FLAC`."""
    while folder:
        folder, _, last = cut(folder)
        if last and not _PLAIN_FOLDER.match(last):
            return last
    return ""


def words_alike(wanted: Iterable[str], text: str) -> float:
    """Share of the wanted words that occur in a normalised text."""
    have = set(text.split())
    need = [word for word in wanted if word]
    return sum(word in have for word in need) / len(need) if need else 0.0
