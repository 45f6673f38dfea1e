"""What other nodes say of recordings, and the port that it is handed to. Core.

All of it is claims: whoever keeps it decides what a voice weighs. Text is `SafeText`; counts and lengths were bounded on the wire.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import Variant

VerdictKind = Literal["", "confirmed", "suspect", "untestable", "no_evidence", "not_tested"]
"""A transcode test's outcome; empty when the speaker gave none."""
SUSPECTED = ("confirmed", "suspect")
_NOTHING = SafeText("")


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks. `node_id` is proved (TLS, or a signature where it was passed on); `host` is the address it came from: the speaker's own
    when `direct`, else that of the node that passed it on."""

    node_id: str
    host: str
    direct: bool = True


@dataclass(frozen=True, slots=True)
class HeardVariant:
    """A variant with its qualities: `variant.score` 0-1 or None, `dynamic_range` in DR, `verdict` by `verdict_method` with its `measurement`.

    What the speaker did not say is None or empty. `release_mbid` is the release the file is tagged with, `label` that release's label.
    """

    variant: Variant
    verdict: VerdictKind = ""
    verdict_method: SafeText = _NOTHING
    measurement: float | None = None
    dynamic_range: float | None = None
    encoder_signature: SafeText = _NOTHING
    label: SafeText = _NOTHING
    release_mbid: str = ""

    @property
    def transcode_suspect(self) -> bool | None:
        """None when nothing was tested."""
        return None if self.verdict in ("", "untestable", "not_tested") else self.verdict in SUSPECTED


@dataclass(frozen=True, slots=True)
class HeardDescriptor:
    """What a node has of a release ("" for single recordings), and how it serves: `slots` free, `bandwidth_kbps` its cap (None: none), `cache` for a warm cache."""

    release_mbid: str
    variants: tuple[HeardVariant, ...]
    slots: int = 0
    bandwidth_kbps: int | None = None
    cache: bool = False


class ObservationSink(Protocol):
    """Keeps what is heard. Calls come on the event loop and must be quick."""

    def advertised(self, voice: Voice, variants: Sequence[HeardVariant], gone: Sequence[str], *, whole: bool) -> None:
        """The speaker has these, and `gone` (variant ids) no longer. `whole`: these are all it advertises, whatever was said before."""
        ...

    def described(self, voice: Voice, descriptor: HeardDescriptor) -> None: ...

    def wanted(self, voice: Voice, recordings: Sequence[str]) -> None:
        """The speaker asked who has these recordings (`mesh_cache_job` request)."""
        ...

    def expired(self, node_id: str) -> None:
        """The speaker's adverts ran out and were not renewed."""
        ...
