"""What is wrong with a library, and what would mend it: `Issue`. Core: frozen values, their words and JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from slskdn_tui.model.text import LONGEST, SafeText

IssueKind = Literal[
    "damaged", "transcode", "missing_tracks", "mis_tagged", "wrong_duration", "duplicate", "non_canonical", "missing_metadata"
]
ISSUE_WORDS: dict[IssueKind, tuple[str, str]] = {
    "damaged": ("damaged file", "damaged files"),
    "transcode": ("suspected transcode", "suspected transcodes"),
    "missing_tracks": ("release missing tracks", "releases missing tracks"),
    "mis_tagged": ("mis-tagged track", "mis-tagged tracks"),
    "wrong_duration": ("track of the wrong length", "tracks of the wrong length"),
    "duplicate": ("recording held twice", "recordings held twice"),
    "non_canonical": ("better variant known", "better variants known"),
    "missing_metadata": ("file without tags", "files without tags"),
}
"""One, several; in the order they are listed in."""
Severity = Literal["high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low")
"""The worst first."""
FixKind = Literal["none", "get", "replace", "retag", "trash"]
"""`get` what is missing, `replace` a bad file by a job, write tags anew, put what is too many into the trash."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One measurement: what was looked at, what was seen, what was expected ("" when nothing certain was)."""

    what: SafeText
    seen: SafeText
    expected: SafeText = SafeText("")  # noqa: RUF009  immutable

    @property
    def words(self) -> str:
        return f"{self.what}: {self.seen}" + (f", expected {self.expected}" if self.expected else "")


@dataclass(frozen=True, slots=True)
class Fix:
    """What would mend it. `release` and `recordings` (MBIDs): what a job is to get; `paths` the files replaced or put into the trash;
    `tags`: (field, value) a retag would write, where they are known.
    """

    kind: FixKind = "none"
    words: SafeText = SafeText("nothing is known that would mend it")  # noqa: RUF009
    release: str = ""
    recordings: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is wrong. `path` is the file's, or the folder's where a release lacks tracks; `paths` all files concerned.

    `key` names it for dismissing: made of what it is about (`issue_key`), not of when it was seen, so the same thing has the same key after a rescan.
    """

    kind: IssueKind
    severity: Severity
    path: str
    words: SafeText
    key: str
    evidence: tuple[Evidence, ...] = ()
    fix: Fix = field(default_factory=Fix)
    paths: tuple[str, ...] = ()
    dismissed: bool = False

    @property
    def rank(self) -> tuple[int, int, str]:
        """Sorts the worst first."""
        return SEVERITIES.index(self.severity), list(ISSUE_WORDS).index(self.kind), self.path


def issue_key(kind: IssueKind, *about: str) -> str:
    """`transcode:` and 20 hex digits of a digest of what it is about."""
    digest = hashlib.blake2b("\0".join(about).encode("utf-8", "surrogateescape"), digest_size=10).hexdigest()
    return f"{kind}:{digest}"


def counts_words(counts: Mapping[IssueKind, int]) -> str:
    """`2 suspected transcodes, 1 release missing tracks`; `nothing wrong was found` for none."""
    parts = [f"{count} {words[count > 1]}" for kind, words in ISSUE_WORDS.items() if (count := counts.get(kind, 0))]
    return ", ".join(parts) or "nothing wrong was found"


def shown(issue: Issue) -> Issue:
    """With paths that a screen may show."""

    def safe(paths: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(SafeText(path, LONGEST) for path in paths)

    return replace(issue, path=SafeText(issue.path, LONGEST), paths=safe(issue.paths), fix=replace(issue.fix, paths=safe(issue.fix.paths)))


@dataclass(frozen=True, slots=True)
class IssueRow:
    """One issue of a view; its paths are made safe for a screen."""

    key: str
    version: int
    issue: Issue


@dataclass(frozen=True, slots=True)
class HealthView:
    """What the last check of the library found, the worst first. `total` counts rows before the window; `counts` what is open, by kind;
    `checked_at` is ISO UTC, empty before the first check, which saw `files` files; `checking` is true while one runs.

    `ViewKey.subject`: a kind, `dismissed` for what was dismissed, empty for all that is open; `filter`: words that path or issue must hold.
    """

    version: int
    rows: tuple[IssueRow, ...] = ()
    total: int = 0
    counts: tuple[tuple[IssueKind, int], ...] = ()
    dismissed: int = 0
    files: int = 0
    checked_at: str = ""
    checking: bool = False
    kind: Literal["health"] = "health"

    @property
    def words(self) -> str:
        """`2 suspected transcodes, 1 release missing tracks`; before the first check that it was not made."""
        return counts_words(dict(self.counts)) if self.checked_at else "not checked yet"


def issue_json(issue: Issue) -> dict[str, Any]:
    """One issue of `slskdn library health --json`."""
    fix = issue.fix
    return {
        "key": issue.key,
        "kind": issue.kind,
        "severity": issue.severity,
        "path": issue.path,
        "words": issue.words,
        "evidence": [{"what": each.what, "seen": each.seen, "expected": each.expected} for each in issue.evidence],
        "fix": {
            "kind": fix.kind,
            "words": fix.words,
            "release": fix.release,
            "recordings": list(fix.recordings),
            "paths": list(fix.paths),
            "tags": dict(fix.tags),
        },
        "paths": list(issue.paths),
        "dismissed": issue.dismissed,
    }
