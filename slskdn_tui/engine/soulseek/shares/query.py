"""Core: what is shared and how a network query is read: names, paths, words. No I/O.

A query's words must all occur as whole words of folder and file names; `-word` excludes, `*end` matches the end of a word.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

WORD = re.compile(r"[^\W_]+")
INCOMPLETE_ENDS = (".part", ".partial", ".incomplete", ".crdownload", ".download", ".tmp", ".temp", ".!ut", ".!qb", ".aria2")
INCOMPLETE_STARTS = re.compile(r"incomplete(~|[0-9a-f]{32}|$)")
"""Soulseek clients' own names for unfinished files, and a folder of that name; not a song that begins with the word"""
MAX_WORDS = 32
MAX_ENDS, LEAST_END = 3, 2
"""Many or very short endings are in half of all words: they would hold the loop for long, and nobody looks for that."""
ALIAS_LETTERS = 5


@dataclass(frozen=True, slots=True)
class Terms:
    """A query taken apart: words in lower case. `ends` are endings of words."""

    words: tuple[str, ...]
    ends: tuple[str, ...]
    without: tuple[str, ...]


def words_of(text: str) -> list[str]:
    """Letters and digits in runs, lower case: how names and queries are compared."""
    return WORD.findall(text.casefold())


def parse_query(query: str) -> Terms:
    """The first 32 words of a query; a term of signs alone counts for nothing."""
    words: list[str] = []
    ends: list[str] = []
    without: list[str] = []
    for term in query.split()[:MAX_WORDS]:
        parts = words_of(term)
        if not parts:
            continue
        if term.startswith("-"):
            without += parts
        elif term.startswith("*"):
            ends.append(parts[0])
            words += parts[1:]
        else:
            words += parts
    return Terms(tuple(dict.fromkeys(words)), tuple(dict.fromkeys(ends)), tuple(dict.fromkeys(without)))


def match_expression(terms: Terms) -> str:
    """The terms as an FTS5 query over columns `words` and `sdrow` (each word backwards); "" when nothing is asked for, or nearly everything."""
    if len(terms.ends) > MAX_ENDS or any(len(end) < LEAST_END for end in terms.ends):
        return ""
    wanted = [f'words : "{word}"' for word in terms.words] + [f'sdrow : "{end[::-1]}" *' for end in terms.ends]
    if not wanted:
        return ""
    expression = " AND ".join(f"({each})" for each in wanted)
    for word in terms.without:
        expression = f'({expression}) NOT (words : "{word}")'
    return expression


def excluded(path: str, phrases: Iterable[str]) -> bool:
    """Whether the server's list of phrases forbids this path in an answer, whatever the case of either."""
    low = path.casefold()
    return any(phrase and phrase.casefold() in low for phrase in phrases)


def shareable(name: str, exclude: Iterable[str] = ()) -> bool:
    """Hidden and incomplete files and folders are never shared, nor what a pattern with * and ? names, whatever the case."""
    low = name.casefold()
    if low.startswith(".") or INCOMPLETE_STARTS.match(low) or low.endswith(INCOMPLETE_ENDS):
        return False
    return not any(fnmatchcase(low, pattern.casefold()) for pattern in exclude)


def alias_of(path: str, machine: int) -> str:
    """Five letters that stand for a shared folder's place on this machine, the same each time and not the path itself."""
    digest = hashlib.sha256(f"{machine}\0{path}".encode("utf-8", "surrogateescape")).digest()
    return "".join(chr(ord("a") + byte % 26) for byte in digest[:ALIAS_LETTERS])


def remote_path(alias: str, root_name: str, *parts: str) -> str:
    r"""`@@alias\root\folder\file`, valid UTF-8 without backslashes of the file system's own."""
    names = [_text(name).replace("\\", "_") for name in (root_name, *parts) if name]
    return "\\".join([f"@@{alias}", *names])


def _text(name: str) -> str:
    """A name of the disk as text. One that is not UTF-8 is most likely of the days before: read as Windows' western letters, which keeps names apart."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return name.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
    return name
