"""BEP 44's items: values under their own hash, or under a key that signs them. Core.

A value is kept as its bencoded bytes: canonical bencode makes signing what was decoded and encoded again safe.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Any

from bencode2 import bdecode, bencode
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

MAX_VALUE = 1000
MAX_SALT = 64
KEY, SIGNATURE = 32, 64
_SEQ = 1 << 63


class Refused(ValueError):
    """An item that is not stored; `code` is BEP 44's."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


TOO_BIG, BAD_SIGNATURE, SALT_TOO_BIG, CAS_MISMATCH, OLD_SEQ, FULL = 205, 206, 207, 301, 302, 202


@dataclass(frozen=True, slots=True)
class Item:
    """`value`: bencoded bytes, at most 1,000. `key`, `sig`: 32 and 64 bytes of a mutable item, empty of an immutable one."""

    value: bytes
    key: bytes = b""
    salt: bytes = b""
    seq: int = 0
    sig: bytes = b""

    @property
    def mutable(self) -> bool:
        return bool(self.key)

    @property
    def target(self) -> bytes:
        """The 20-byte DHT key."""
        return hashlib.sha1(self.key + self.salt if self.key else self.value, usedforsecurity=False).digest()

    @property
    def content(self) -> Any:
        return bdecode(self.value)

    def check(self) -> None:
        """Raises `Refused` unless sizes and signature are right."""
        if len(self.value) > MAX_VALUE:
            raise Refused(TOO_BIG, "message (v field) too big")
        if not self.mutable:
            return
        if len(self.salt) > MAX_SALT:
            raise Refused(SALT_TOO_BIG, "salt (salt field) too big")
        if len(self.key) != KEY or len(self.sig) != SIGNATURE or not -_SEQ <= self.seq < _SEQ:
            raise Refused(BAD_SIGNATURE, "invalid signature")
        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(self.sig, signed(self.salt, self.seq, self.value))
        except (InvalidSignature, ValueError):
            raise Refused(BAD_SIGNATURE, "invalid signature") from None


def signed(salt: bytes, seq: int, value: bytes) -> bytes:
    """What a mutable item's signature covers."""
    head = b"4:salt%d:%s" % (len(salt), salt) if salt else b""
    return head + b"3:seqi%de1:v" % seq + value


def immutable(content: Any) -> Item:
    """An item of anything bencode can hold; `Refused` where that is too big."""
    item = Item(bencode(content))
    item.check()
    return item


def mutable(key: Ed25519PrivateKey, content: Any, seq: int, salt: bytes = b"") -> Item:
    """A signed item; `Refused` where value or salt are too big."""
    value = bencode(content)
    item = Item(value, key.public_key().public_bytes_raw(), salt, seq, key.sign(signed(salt, seq, value)))
    item.check()
    return item


@dataclass(slots=True)
class _Kept:
    item: Item
    until: float
    host: str


class ItemStore:
    """At most `most` items of each kind, `per_host` of one host; an item lives `expiry` seconds after its last put.

    Full, it drops the item farthest from our id for a nearer one.
    """

    def __init__(self, own_id: bytes, *, most: int = 700, expiry: float = 7200.0, per_host: int = 32) -> None:
        self.own_id = own_id
        self._most, self._expiry, self._per_host = most, expiry, per_host
        self._kept: dict[bool, dict[bytes, _Kept]] = {False: {}, True: {}}
        self._held: Counter[str] = Counter()

    def __len__(self) -> int:
        return sum(map(len, self._kept.values()))

    def get(self, target: bytes, now: float) -> Item | None:
        kept = self._kept[True].get(target) or self._kept[False].get(target)
        return kept.item if kept is not None and kept.until > now else None

    def put(self, item: Item, host: str, now: float, cas: int | None = None) -> None:
        """Store or renew; `Refused` for a bad item, an older `seq`, a `cas` that is not the stored seq, or a full store."""
        item.check()
        shelf, target = self._kept[item.mutable], item.target
        known = shelf.get(target)
        if known is not None and known.until > now:
            if item.mutable:
                if cas is not None and cas != known.item.seq:
                    raise Refused(CAS_MISMATCH, "CAS hash mismatch, re-read value and try again")
                if item.seq < known.item.seq or (item.seq == known.item.seq and item.value != known.item.value):
                    raise Refused(OLD_SEQ, "sequence number less than current")
            known.item, known.until = item, now + self._expiry
            return
        if known is not None:
            self._drop(shelf, target)
        if self._held[host] >= self._per_host:
            raise Refused(FULL, "full")
        if len(shelf) >= self._most:
            own = int.from_bytes(self.own_id, "big")
            worst = max(shelf, key=lambda kept: int.from_bytes(kept, "big") ^ own)
            if int.from_bytes(worst, "big") ^ own <= int.from_bytes(target, "big") ^ own:
                raise Refused(FULL, "full")
            self._drop(shelf, worst)
        shelf[target] = _Kept(item, now + self._expiry, host)
        self._held[host] += 1

    def expire(self, now: float) -> None:
        for shelf in self._kept.values():
            for target in [target for target, kept in shelf.items() if kept.until <= now]:
                self._drop(shelf, target)

    def _drop(self, shelf: dict[bytes, _Kept], target: bytes) -> None:
        kept = shelf.pop(target)
        self._held[kept.host] -= 1
        if self._held[kept.host] <= 0:
            del self._held[kept.host]
