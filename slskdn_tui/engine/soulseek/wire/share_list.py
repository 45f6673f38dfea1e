"""Core: what a user shares, read from the inflated body of a browse or folder reply within bounds.

A whole share list is the longest message of the network; aioslsk makes four objects a file of it and reads it on the loop. Here a file is one
tuple, a `FoundFile` is made when somebody looks at it, and what is over a cap is left off and told.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from dataclasses import dataclass

from slskdn_tui.model.candidates import FoundFile

MOST_FILES = 200_000
MOST_FOLDERS = 50_000
MOST_IN_FOLDERS = 20_000
"""files in the answer to one folder's question"""
LONGEST = 4096
"""bytes of a name"""
MOST_ATTRIBUTES = 16
"""of a file that are looked at"""

_u32 = struct.Struct("<I").unpack_from
_u64 = struct.Struct("<Q").unpack_from
ListedFile = tuple[str, int, str, int | None, int | None, int | None, int | None]
"""name, bytes, extension as the peer gave it; seconds, kbit/s, Hz, bits or None"""


@dataclass(frozen=True, slots=True)
class ListedFolder:
    """A remote folder (raw path) with the files right in it."""

    path: str
    files: tuple[ListedFile, ...]

    @property
    def size(self) -> int:
        return sum(each[1] for each in self.files)

    def found(self, username: str) -> tuple[FoundFile, ...]:
        return tuple(_found(username, self.path, each) for each in self.files)


@dataclass(frozen=True, slots=True)
class ShareList:
    """Everything a user shares openly, folders and files by name; `capped` when there was more than is kept."""

    folders: tuple[ListedFolder, ...]
    files: int
    size: int
    capped: bool = False

    def folder(self, path: str) -> ListedFolder | None:
        """The folder of this raw path, or else the one that is shown so."""
        at = bisect_left(self.folders, _order(path), key=lambda each: _order(each.path))
        if at < len(self.folders) and self.folders[at].path == path:
            return self.folders[at]
        wanted = folded(path)
        return next((each for each in self.folders if folded(each.path) == wanted), None)


@dataclass(frozen=True, slots=True)
class FolderReply:
    """The answer to the question about one folder, told apart by the ticket it was asked with."""

    ticket: int
    path: str
    folders: tuple[ListedFolder, ...]


class _Reader:
    """Walks a body. ValueError when it is cut or a name is out of bounds."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.at = 0
        self._same: dict[str, str] = {}  # one object for each of the few extensions

    def number(self) -> int:
        if self.at + 4 > len(self.body):
            raise ValueError("the list is cut")
        (value,) = _u32(self.body, self.at)
        self.at += 4
        return int(value)

    def text(self) -> str:
        length = self.number()
        end = self.at + length
        if length > LONGEST or end > len(self.body):
            raise ValueError("a name is longer than the list or 4096 bytes")
        raw = self.body[self.at : end]
        self.at = end
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            return raw.decode("cp1252", "replace")

    def file(self) -> ListedFile:
        self.at += 1  # a code that is always 1
        name = self.text()
        if self.at + 8 > len(self.body):
            raise ValueError("the list is cut")
        (size,) = _u64(self.body, self.at)
        self.at += 8
        extension = self.text()
        count = self.number()
        first, self.at = self.at, self.at + 8 * count
        if self.at > len(self.body):
            raise ValueError("the list is cut")
        pairs = struct.unpack_from(f"<{2 * min(count, MOST_ATTRIBUTES)}I", self.body, first)
        facts = dict(zip(pairs[::2], pairs[1::2], strict=True))
        if len(extension) <= 8 and len(self._same) < 100:
            extension = self._same.setdefault(extension, extension)
        return name, int(size), extension[:8], facts.get(1), facts.get(0), facts.get(4), facts.get(5)

    def folders(self, most: int) -> tuple[tuple[ListedFolder, ...], bool]:
        """The folders of a list up to `most` files, and whether there were more."""
        out: list[ListedFolder] = []
        left = most
        for _ in range(self.number()):
            if len(out) >= MOST_FOLDERS or left <= 0:
                return tuple(out), True
            path = self.text()
            count = self.number()
            files = [self.file() for _ in range(min(count, left))]
            sound = (each for each in files if _sound(path, each))
            out.append(ListedFolder(path, tuple(sorted(sound, key=lambda each: _order(each[0])))))
            left -= len(files)
            if len(files) < count:
                return tuple(out), True
        return tuple(out), False


def read_shares(body: bytes, most: int = MOST_FILES) -> ShareList:
    """A whole share list; the private part after it is left unread, since it cannot be had. ValueError when it is damaged."""
    unsorted, capped = _Reader(body).folders(most)
    folders = tuple(sorted(unsorted, key=lambda each: _order(each.path)))
    return ShareList(folders, sum(len(each.files) for each in folders), sum(each.size for each in folders), capped)


def read_folder(body: bytes, most: int = MOST_IN_FOLDERS) -> FolderReply:
    """The reply about a folder, which may list those below it, too. ValueError when it is damaged."""
    reader = _Reader(body)
    ticket, path = reader.number(), reader.text()
    return FolderReply(ticket, path, reader.folders(most)[0])


def folded(path: str) -> str:
    """Raw paths have backslashes, shown ones slashes: what a path is compared by when it is not there as given."""
    return path.replace("/", "\\")


def _order(name: str) -> tuple[str, str]:
    return name.casefold(), name


def _sound(path: str, file: ListedFile) -> bool:
    name, size = file[:2]
    return bool(name) and "\0" not in name and "\0" not in path and 0 < size < 2**62


def _found(username: str, folder: str, file: ListedFile) -> FoundFile:
    name, size, said, *facts = file
    extension = said or (name.rpartition(".")[2] if "." in name[-9:] else "")
    return FoundFile(username, f"{folder}\\{name}" if folder else name, size, extension.lower().lstrip("."), *facts)
