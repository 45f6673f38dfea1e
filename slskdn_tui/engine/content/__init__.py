"""Content identity: what bytes *are*. Leaf digests, pages, `variant_id`, audio regions. Core."""

from slskdn_tui.engine.content.digests import LeafDigests, leaf_digest, page_digest, variant_id

__all__ = ["LeafDigests", "leaf_digest", "page_digest", "variant_id"]
