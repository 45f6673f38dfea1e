"""What the bytes from Soulseek say of a variant: where its leaves would lie in this file, which of them match, and so what the guard decides.

Shells one part file's reads.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from slskdn_tui.engine.content.region import Front, NeedMore, NoRegion, front
from slskdn_tui.engine.content.region_tags import MOST_TAIL
from slskdn_tui.engine.swarm.disk.part_file import PartFile
from slskdn_tui.engine.swarm.piecemap import SLSK
from slskdn_tui.engine.swarm.proof.guard import GUARD, Decision, Proof, Target, decide, disputed, head_matches, vouching
from slskdn_tui.engine.swarm.proof.variants import Choice, compare
from slskdn_tui.model.aggregates import CanonicalStats
from slskdn_tui.model.part import Layout
from slskdn_tui.model.ports import OriginState
from slskdn_tui.model.variant import LEAF, Variant

HEADLESS = f"{GUARD}the head of the file has not come from Soulseek yet"
"""Why a region is refused until it is known where it would begin; such a peer may be asked again."""
LEAST_BEGUN = 1024
"""So many bytes of a region's first leaf, the same from Soulseek and from the overlay, with the same STREAMINFO and length, are proof (2)."""


Canonical = Callable[[str, str], Awaitable[CanonicalStats]]
"""What the mesh's aggregates say of (recording, codec profile)."""


class Misplaced(Exception):
    """The variant has no place in this file, or none that is known yet (`HEADLESS`); `words` say why."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class Evidence:
    """`origin` tells the origin's state (None: there is none), `target` what agreement of peers has to fit, `canonical` what the mesh says beside them."""

    def __init__(
        self,
        part: PartFile,
        choice: Choice,
        *,
        guard: bool,
        origin: Callable[[], OriginState | None],
        target: Target | None,
        canonical: Canonical | None = None,
    ) -> None:
        self._part = part
        self._choice = choice
        self._guard = guard
        self._origin = origin
        self._target = target
        self._canonical = canonical
        self._said: dict[str, CanonicalStats] = {}  # by variant id, as it was when a peer last offered it
        self._joined: set[str] = set()  # variants a leaf of which the origin repeated in an overlap
        self._begins: dict[str, bool] = {}  # whether the leaf that Soulseek had begun went on in the same way
        self._head = b""
        self._seen: dict[Layout, dict[int, bytes]] = {}  # digests of whole leaves as the origin sent them
        self._front: Front | None = None

    def place(self, variant: Variant) -> Layout:
        """Where this variant's leaves lie in the file. Raises Misplaced, and DiskTrouble."""
        size = self._part.size
        if variant.kind == "file":
            if variant.length != size:
                raise Misplaced(f"other variant: {variant.length} bytes, not {size}")
            return Layout.whole(size)
        found = self._found()
        tail = size - found.start - variant.length
        if found.length not in (None, variant.length) or not 0 <= tail <= MOST_TAIL:
            raise Misplaced(f"other variant: {variant.length} bytes of audio, not {found.length or size - found.start}")
        if found.streaminfo and variant.streaminfo and found.streaminfo != variant.streaminfo:
            raise Misplaced("other variant: the audio was encoded otherwise")
        return Layout(size, found.start, variant.length)

    def _found(self) -> Front:
        """What the file's head says, once it is there from the first byte to the region."""
        if self._front is None:
            prefix = self._part.pieces.prefix

            def read(offset: int, length: int) -> bytes:
                return self._part.read(offset, max(0, min(length, prefix - offset)))

            try:
                found = front(read, self._part.size)
            except NeedMore as need:
                raise Misplaced(HEADLESS) from need
            except NoRegion as error:
                raise Misplaced(f"other variant: no audio region in this file ({error})") from error
            if found.start > prefix:
                raise Misplaced(HEADLESS)
            self._front = found
        return self._front

    @property
    def confirmed(self) -> bool:
        """Bytes from Soulseek hash to the bound variant's digests."""
        variant = self._part.variant
        return variant is not None and (variant.variant_id in self._joined or SLSK in self._part.pieces.plane)

    def overlap(self) -> None:
        """A whole verified leaf was sent again by the origin, and is the same."""
        if self._part.variant is not None:
            self._joined.add(self._part.variant.variant_id)

    def head_probe(self, head: bytes) -> bool:
        """The first bytes (at most 64 KiB) of a Soulseek copy of this size, got otherwise: proof (2). True when they prove the variant.

        A head that proves nothing is not kept: it may be of yet another file, and another holder's may be the right one.
        """
        variant = self._part.variant
        if variant is None or not head_matches(head, self._part.size, variant, self._part.digests[0]):
            return False
        self._head = head[:LEAF]
        return True

    def decide(self, variant: Variant) -> Decision:
        """The guard's word on a variant whose digests are known, or may be."""
        if not self._guard:
            return Decision(True, Proof.NONE, "bench")
        part, name = self._part, variant.variant_id
        bound = part.variant is not None and part.variant.variant_id == name
        digests = part.digests if bound else self._choice.known.get(name, ())
        good = bad = 0
        if bound and self.confirmed:
            good = max(1, part.pieces.plane.count(SLSK))
        elif digests:
            layout = part.pieces.layout if bound else self.place(variant)
            good, bad = (len(leaves) for leaves in compare(self.seen(layout), digests))
            bad += self._begins.get(name) is False
        head = bool(digests) and head_matches(self._head, part.size, variant, digests[0])
        said = self._said.get(name)
        misfit = (self._target.misfit(variant) if self._target is not None else "") or disputed(said, variant)
        offering = self._choice.agreeing(variant)
        agree = max(offering, vouching(said, variant)) if offering else 0
        return decide(self._origin(), good, bad, head or self._begins.get(name, False), agree, misfit)

    async def ask(self, variant: Variant) -> None:
        """Have what the mesh says of an offered variant, for proof (3)."""
        if self._guard and self._canonical is not None:
            self._said[variant.variant_id] = await self._canonical(variant.recording_mbid, variant.codec_profile)

    @property
    def badge(self) -> str:
        """`canonical 0.94, 80 peers agree` when the bound variant is the canonical one; "" when it is not, or nobody known says so."""
        variant = self._part.variant
        said = self._said.get(variant.variant_id) if variant is not None else None
        return str(said.badge(variant.variant_id)) if said is not None and variant is not None else ""

    def note(self, leaf: int, digest: bytes) -> None:
        """A whole leaf, as leaves lie now, came from the origin."""
        self.seen(self._part.pieces.layout)[leaf] = digest

    def seen(self, layout: Layout) -> dict[int, bytes]:
        """Digests of the leaves that came from the origin, for leaves that lie so."""
        return self._seen.setdefault(layout, {})

    async def gather(self, layout: Layout) -> None:
        """Hash what came before, or was hashed for leaves that lie otherwise. Raises DiskTrouble."""
        seen, pieces = self.seen(layout), self._part.pieces
        leaves = [leaf for leaf in layout.within(0, pieces.prefix) if leaf not in seen and pieces.from_origin(*layout.span(leaf))]
        for leaf, digest in (await self._part.hash_leaves(leaves, layout)).items():
            seen.setdefault(leaf, digest)

    def goes_on(self, variant: Variant, leaf: int, data: memoryview) -> bool:
        """Whether an overlay leaf goes on as Soulseek's bytes began it; True where Soulseek began none of it. Raises DiskTrouble."""
        pieces = self._part.pieces
        start, _ = pieces.span(leaf)
        begun = pieces.prefix - start
        if not 0 < begun < len(data) or not pieces.from_origin(start, pieces.prefix):
            return True
        same = self._part.read(start, begun) == data[:begun]
        if not same:
            self._begins[variant.variant_id] = False
        elif self.provable(variant) and leaf == 0 and begun >= LEAST_BEGUN:
            self._begins.setdefault(variant.variant_id, True)
        return same

    def provable(self, variant: Variant) -> bool:
        """Whether the first leaf of this region can prove it: FLAC, and Soulseek began that leaf."""
        begun = self._part.pieces.prefix - self._part.pieces.layout.start
        named = bool(variant.streaminfo) and self._front is not None and self._front.streaminfo == variant.streaminfo
        return variant.kind == "region" and named and begun >= LEAST_BEGUN and self._begins.get(variant.variant_id) is None and begun < LEAF
