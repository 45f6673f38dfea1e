"""A stock that a test fills, and a sink that remembers what was heard."""

from __future__ import annotations

from collections.abc import Sequence

from slskdn_tui.engine.overlay.gossip.gossip import Serving
from slskdn_tui.model.heard import HeardDescriptor, HeardVariant, Voice
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import Variant


def full(number: int) -> HeardVariant:
    """A variant of which all is told that can be: some 480 bytes of an advert."""
    mbid = f"00000000-0000-4000-8000-{number:012x}"
    profile, encoder = SafeText("FLAC-16bit-44100Hz-2ch"), SafeText("reference libFLAC 1.4.2 20221022")
    variant = Variant(f"{number:064x}", "file", 30_123_456, mbid, SafeText("FLAC"), profile, 234_567, score=0.931)
    label, release = SafeText("Creation Records"), "c0d0c0a4-4a26-4d74-9c02-67c9321b3b22"
    return HeardVariant(variant, "no_evidence", SafeText("grid-2"), 2.31, 9.87, encoder, label, release)


class FilledStock:
    """A `Stock` of what is `told`."""

    def __init__(self, told: Sequence[HeardVariant] = ()) -> None:
        self.told = tuple(told)

    def active(self) -> Sequence[HeardVariant]:
        return self.told

    def moving(self) -> Sequence[HeardVariant]:
        return ()

    def find(self, release: str, recordings: Sequence[str]) -> Sequence[HeardVariant]:
        return [each for each in self.told if each.variant.recording_mbid in recordings]

    def serving(self) -> Serving:
        return Serving(slots=3, bandwidth_kbps=800)


class Ear:
    """An `ObservationSink`: `heard` in order, `held` as it adds up by node."""

    def __init__(self) -> None:
        self.heard: list[tuple[Voice, tuple[str, ...], tuple[str, ...], bool]] = []
        self.held: dict[str, set[str]] = {}
        self.descriptors: list[tuple[str, HeardDescriptor]] = []
        self.wants: list[str] = []
        self.silent: list[str] = []

    def advertised(self, voice: Voice, variants: Sequence[HeardVariant], gone: Sequence[str], *, whole: bool) -> None:
        ids = tuple(each.variant.variant_id for each in variants)
        self.heard.append((voice, ids, tuple(gone), whole))
        held = set() if whole else self.held.get(voice.node_id, set())
        self.held[voice.node_id] = (held - set(gone)) | set(ids)

    def described(self, voice: Voice, descriptor: HeardDescriptor) -> None:
        self.descriptors.append((voice.node_id, descriptor))

    def wanted(self, voice: Voice, recordings: Sequence[str]) -> None:
        self.wants += recordings

    def expired(self, node_id: str) -> None:
        self.silent.append(node_id)
        self.held.pop(node_id, None)
