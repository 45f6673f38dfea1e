"""Filters of search results: `lossless bitrate>=256 free>0 -user:bob path:"live at" @saved`. Core.

All terms must hold. What a file or its user does not say never passes silently: `bitrate>=256` refuses a file without a bitrate, unless it is lossless.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from slskdn_tui.model.candidates import FoundFile, SearchReply
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.expected import expect

LONGEST = 1000
MOST_TERMS = 50
DEEPEST = 5
ALLOWED = (
    "use lossless lossy bitrate>=256 free>0 queue<10 q>0.8 size>20M length>3:00 speed>500K user:NAME -user:NAME ext:flac path:WORDS "
    'words -word "quoted words" @saved'
)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_TERM = re.compile(r'(?P<minus>-?)(?:(?P<key>[A-Za-z]+):)?(?:"(?P<quoted>[^"]*)"|(?P<plain>[^\s"]*))(?=\s|$)')
_COMPARE = re.compile(r"(?P<key>[A-Za-z]+)(?P<op>>=|<=|==|=|>|<)(?P<value>.*)")
_NUMBER = re.compile(r"(?P<number>\d{1,15}(?:\.\d{1,6})?)(?P<unit>[kmgKMG]?)(?:i?[bB])?")
_CLOCK = re.compile(r"(?:(?P<h>\d{1,3}):)?(?P<m>\d{1,4}):(?P<s>[0-5]\d)")
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_OPS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "=": operator.eq,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}

FileTest = Callable[[FoundFile], bool]
UserTest = Callable[[SearchReply], bool]


@dataclass(frozen=True, slots=True)
class Filter:
    """What was asked for, as tests of a user's state and tests of a file."""

    users: tuple[UserTest, ...] = ()
    files: tuple[FileTest, ...] = ()

    @property
    def empty(self) -> bool:
        return not self.users and not self.files

    def user_passes(self, reply: SearchReply) -> bool:
        """What holds for all files of a user alike: free slot, queue, speed, name."""
        return all(test(reply) for test in self.users)

    def file_passes(self, file: FoundFile) -> bool:
        return all(test(file) for test in self.files)

    def passes(self, reply: SearchReply, file: FoundFile) -> bool:
        return self.user_passes(reply) and self.file_passes(file)

    def apply(self, reply: SearchReply) -> tuple[FoundFile, ...]:
        """The files of an answer that pass."""
        return tuple(file for file in reply.files if self.file_passes(file)) if self.user_passes(reply) else ()


NONE = Filter()


def valid_name(name: str) -> bool:
    """Whether a filter can be saved under this name: letters, digits, `-` and `_`, at most 40."""
    return _NAME.fullmatch(name) is not None


def parse(text: str, saved: Mapping[str, str] | None = None) -> Filter:
    """A filter's text as tests. `saved` are filters by name, for `@name`. UserError `usage` names the part that is not understood."""
    users: list[UserTest] = []
    files: list[FileTest] = []
    for test in _tests(text, saved or {}, ()):
        (users if test.of_user else files).append(test.call)  # type: ignore[arg-type]
    if len(users) + len(files) > MOST_TERMS:
        raise UserError("usage", f"the filter has more than {MOST_TERMS} terms", "use fewer")
    return Filter(tuple(users), tuple(files))


@dataclass(frozen=True, slots=True)
class _Test:
    of_user: bool
    call: UserTest | FileTest


def _bad(part: str, why: str = "is not understood") -> UserError:
    return UserError("usage", f"filter: {part!r} {why}", ALLOWED)


def _tests(text: str, saved: Mapping[str, str], inside: tuple[str, ...]) -> list[_Test]:
    if len(text) > LONGEST:
        raise UserError("usage", f"the filter is longer than {LONGEST} characters", "save parts of it and use them as @name")
    out: list[_Test] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        match = _TERM.match(text, at)
        if match is None or match.end() == at:
            rest = text[at:]
            whole = rest if '"' in rest.split()[0] else rest.split()[0]
            raise _bad(whole[:80], "has a quote that is not closed" if whole.count('"') % 2 else "has a quote in the middle")
        out += _term(match, saved, inside)
        if len(out) > MOST_TERMS:
            break
        at = match.end()
    return out


def _term(match: re.Match[str], saved: Mapping[str, str], inside: tuple[str, ...]) -> list[_Test]:
    part, minus, key = match[0], bool(match["minus"]), (match["key"] or "").lower()
    quoted = match["quoted"] is not None
    value = match["quoted"] if quoted else match["plain"]
    if not key and not quoted:
        if value.startswith("@"):
            return _named(part, minus, value[1:], saved, inside)
        if found := _COMPARE.fullmatch(value):
            if minus:
                raise _bad(part, "is a comparison with `-`; turn the sign around instead")
            return [_comparison(part, found["key"].lower(), found["op"], found["value"])]
    return [_worded(part, minus, key, value, quoted)]


def _named(part: str, minus: bool, name: str, saved: Mapping[str, str], inside: tuple[str, ...]) -> list[_Test]:
    if minus:
        raise _bad(part, "cannot be turned around")
    if name not in saved:
        raise UserError("usage", f"filter: no filter is saved as {name!r}", f"saved are: {', '.join(sorted(saved)) or 'none yet'}")
    if name in inside or len(inside) >= DEEPEST:
        raise _bad(part, "leads back to itself" if name in inside else "is nested too deep")
    return _tests(saved[name], saved, (*inside, name))


def _worded(part: str, minus: bool, key: str, value: str, quoted: bool) -> _Test:
    text = value.casefold().strip()
    if not text:
        raise _bad(part, "lacks a word")
    if not key and not quoted and text in ("lossless", "lossy"):
        wanted = text == "lossless"
        # what is no audio is neither lossless nor lossy, and so passes neither
        return _negated(minus, lambda file: bool((found := expect(file)).codec) and found.lossless == wanted)
    match key:
        case "user":
            return _Test(True, lambda reply: (reply.username.casefold() == text) is not minus)
        case "ext":
            ending = text.removeprefix(".")
            return _negated(minus, lambda file: _ending(file) == ending)
        case "path" | "":
            words = (text.replace("\\", "/"),) if quoted else tuple(text.replace("\\", "/").split())
            return _negated(minus, lambda file: all(word in _path(file) for word in words))
    raise _bad(part)


def _negated(minus: bool, test: FileTest) -> _Test:
    return _Test(False, (lambda file: not test(file)) if minus else test)


def _path(file: FoundFile) -> str:
    return file.path.replace("\\", "/").casefold()


def _ending(file: FoundFile) -> str:
    name = file.name
    return name.rpartition(".")[2].casefold() if "." in name else file.extension.casefold()


def _comparison(part: str, key: str, op: str, value: str) -> _Test:
    than = _OPS[op]
    number = _value(part, key, value)
    match key:
        case "free":
            return _Test(True, lambda reply: than(float(reply.free_slot), number))
        case "queue":
            return _Test(True, lambda reply: than(max(0, reply.queue), number))
        case "speed":
            return _Test(True, lambda reply: than(max(0, reply.speed), number))
        case "size":
            return _Test(False, lambda file: than(file.size, number))
        case "length":
            return _Test(False, lambda file: file.seconds is not None and than(file.seconds, number))
        case "q":
            return _Test(False, lambda file: (quality := expect(file).quality) is not None and than(quality, number))
        case "bitrate":
            return _Test(False, lambda file: _bitrate(file, than, number))
    raise _bad(part)


def _bitrate(file: FoundFile, than: Callable[[float, float], bool], number: float) -> bool:
    """A lossless file that says no bitrate has more than any lossy one."""
    if file.bitrate is not None and file.bitrate > 0:
        return than(file.bitrate, number)
    return expect(file).lossless and than(math.inf, number)


_WITH_UNITS = frozenset({"size", "speed"})
_KEYS = frozenset({"free", "queue", "speed", "size", "length", "q", "bitrate"})


def _value(part: str, key: str, value: str) -> float:
    if key not in _KEYS:
        raise _bad(part)
    if key == "length" and (clock := _CLOCK.fullmatch(value)):
        return int(clock["h"] or 0) * 3600 + int(clock["m"]) * 60 + int(clock["s"])
    number = _NUMBER.fullmatch(value)
    if number is None or (value[-1:].isalpha() and key not in _WITH_UNITS):
        wanted = {"size": "bytes, or 20M", "speed": "bytes a second, or 500K", "length": "seconds, or 3:00", "q": "0 to 1"}.get(
            key, "a number"
        )
        raise _bad(part, f"needs {wanted} after the sign")
    return float(number["number"]) * _UNITS[number["unit"].lower()]
