"""What a file name says of a track: normalised words, disc and track number, likeness of two titles. Core."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

LONGEST_NAME = 300
_NOISE = re.compile(r"(?i)\[(?:[0-9a-f]{8}|flac|mp3|\d+ ?k(?:bps)?|320|v0|web|cd|vinyl|24[- ]?bit.*?)\]|\b(?:www\.\S+)")
_NUMBER = re.compile(r"^[\s\[(#]*(?:(?P<disc>\d{1,2})[-.](?=\d))?(?P<number>\d{1,3})(?P<end>[\])]*[\s._)\]-]+|$)")
_SIDE = re.compile(r"^(?P<side>[A-H])(?P<number>\d{1,2})[\s._-]+")
_VERSIONS = re.compile(
    r"\b(remix|rmx|mix|live|instrumental|acoustic|demo|karaoke|extended|edit|remaster(?:ed)?|reprise|dub|unplugged|a cappella|acapella|cover|radio)\b"
)
_HARMLESS = frozenset({"remaster", "remastered", "edit", "radio", "mix"})
_TRACK_WORD = re.compile(r"(?i)^(?:audio ?)?(?:track|titel|piste|pista|traccia)[\s._-]*(?P<number>\d{1,3})\s*$")


@lru_cache(maxsize=20_000)
def normal(text: str) -> str:
    """Lower-case words without marks, accents or signs: `Café (Ünplugged)!` -> `cafe unplugged`. Letters of any script stay."""
    folded = unicodedata.normalize("NFKD", text[:LONGEST_NAME].replace("&", " and ").replace("’", "'")).casefold()
    plain = "".join(char for char in folded if not unicodedata.combining(char)).replace("'", "")
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
    """Words that make another recording of a normalised title: remix, live, ..."""
    return frozenset("remix" if word == "rmx" else word for word in _VERSIONS.findall(text)) - _HARMLESS


@lru_cache(maxsize=200_000)
def alike(one: str, other: str) -> float:
    """0-1 for two normalised titles (Dice over letter pairs)."""
    if one == other:
        return 1.0 if one else 0.0
    a, b = _pairs(one), _pairs(other)
    return 2 * len(a & b) / (len(a) + len(b)) if one and other else 0.0


@dataclass(frozen=True, slots=True)
class NameReading:
    """What a file name can mean: `titles` are normalised alternatives (empty when the name is only a number), numbers None when not said."""

    titles: tuple[str, ...]
    number: int | None = None
    disc: int | None = None


@lru_cache(maxsize=50_000)
def read_name(name: str, prefixes: tuple[str, ...] = ()) -> NameReading:
    """Read a file name. `prefixes` are normalised names (artist, album) that may stand before the title.

    `03 - Artist - Title.flac`, `1-03 Title.mp3`, `(03) Title`, `A2. Title`, `Artist - Album - 03 - Title`, `103 Title` and `Title` are all understood.
    """
    stem = name[: name.rfind(".")] if 0 < name.rfind(".") >= len(name) - 6 else name
    stem = _NOISE.sub(" ", stem[:LONGEST_NAME].replace("_", " ")).strip()
    number, disc, rest = _leading(stem)
    titles: dict[str, None] = {}

    def offer(text: str) -> None:
        words = normal(text)
        if not words or (words in prefixes and titles):
            return
        titles.setdefault(words)
        for prefix in prefixes:
            if prefix and words.startswith(prefix + " "):
                titles.setdefault(words[len(prefix) + 1 :])

    offer(rest)
    parts = [part for part in re.split(r"\s+[-–—]\s+", rest) if part.strip()]
    for index, part in enumerate(parts[1:], start=1):
        inner, inner_disc, left = _leading(part)
        if inner is not None and number is None and (left or index + 1 < len(parts)):
            number, disc = inner, inner_disc
        tail = " ".join([left if inner is not None else part, *parts[index + 1 :]])
        before = normal(" ".join(parts[:index]))
        if inner is not None or any(before.startswith(prefix) or prefix.startswith(before) for prefix in prefixes if prefix):
            offer(tail)
    if number is not None and rest and rest != stem:
        offer(stem)  # the number may belong to the title: `2 X 4`
    return NameReading(tuple(titles), number, disc)


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


_DISC_FOLDER = re.compile(r"(?i)^[\s(\[]*(?:cd|dis[ck]|disco|dvd|medium|vinyl|lp)[\s._-]*0*(?P<disc>\d{1,2})\b")
_DISC_TAIL = re.compile(r"(?i)[\s._,-]*[(\[]?\s*\b(?:cd|dis[ck])[\s._-]*0*(?P<disc>\d{1,2})\s*[)\]]?\s*$")


@lru_cache(maxsize=20_000)
def album_folder(folder: str) -> tuple[str, int | None]:
    """(the album's folder, disc number): `Album\\CD1` and `Album (Disc 2)` belong to `Album`; both separators occur."""
    cut = max(folder.rfind("\\"), folder.rfind("/"))
    head, last = (folder[:cut], folder[cut + 1 :]) if cut >= 0 else ("", folder)
    if head and (match := _DISC_FOLDER.match(last)):
        return head, int(match["disc"])
    if (match := _DISC_TAIL.search(last)) and last[: match.start()].strip():
        return folder[: len(folder) - len(last)] + last[: match.start()].rstrip(), int(match["disc"])
    return folder, None


def words_alike(wanted: Iterable[str], text: str) -> float:
    """Share of the wanted words that occur in a normalised text."""
    have = set(text.split())
    need = [word for word in wanted if word]
    return sum(word in have for word in need) / len(need) if need else 0.0
