"""The node's identity: an Ed25519 key made once, certificates for mutual TLS, and what a peer proved. Shells one key file.

Python's `ssl` cannot ask an unknown self-signed peer for its certificate, so every leaf certificate is issued by the dummy CA
below, whose private key ships in the program. **That CA proves nothing**: anyone can issue with it. What TLS does prove is that the
peer holds the private key of its leaf; the SHA-256 of that key (the node id) is what is pinned, blocked and shown.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import ssl
import stat
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from slskdn_tui.engine.overlay.frames import ProtocolError
from slskdn_tui.model.errors import UserError

log = logging.getLogger(__name__)

ALPN = "slskdn/1"
DUMMY_CA_KEY = b"""\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIHsyaWUNoMK7isptSNUkSO3v4gTlMgaIyAqk0MRvGIvH
-----END PRIVATE KEY-----
"""
DUMMY_CA = """\
-----BEGIN CERTIFICATE-----
MIIBYjCCARSgAwIBAgIBATAFBgMrZXAwNjE0MDIGA1UEAwwrc2xza2RuLXR1aSBw
dWJsaWMgZHVtbXkgQ0EgKHByb3ZlcyBub3RoaW5nKTAgFw0wMDAxMDEwMDAwMDBa
GA85OTk5MTIzMTIzNTk1OVowNjE0MDIGA1UEAwwrc2xza2RuLXR1aSBwdWJsaWMg
ZHVtbXkgQ0EgKHByb3ZlcyBub3RoaW5nKTAqMAUGAytlcAMhABYO40YEilCsh5dq
7hyzozKRsz2SlvQXFdryrcu2bwbko0UwQzASBgNVHRMBAf8ECDAGAQH/AgEAMA4G
A1UdDwEB/wQEAwICBDAdBgNVHQ4EFgQUsOShWCQuNvn+xYEZIQJ4J6yNuXowBQYD
K2VwA0EA9ByoyVrGYArUHiZVHwXaLPyeAn12mFTKNotBx/8vwhQebr4TYG/FakqN
7+8ARK9kmSXdtPcfg9+x0tFos/gkDQ==
-----END CERTIFICATE-----
"""
_FROM = datetime(2000, 1, 1)
_UNTIL = datetime(9999, 12, 31, 23, 59, 59)
_MOST_KEY_BYTES = 4096
_SMALL_ORDER = frozenset(
    bytes.fromhex(text)
    for text in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)
"""Public keys without their sign bit whose point has an order of 1, 2, 4 or 8: OpenSSL takes signatures of theirs that anybody can write."""


def node_id_of(key: Ed25519PublicKey) -> str:
    """64 hex digits: SHA-256 of the key's SubjectPublicKeyInfo (DER)."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def proven_id(key: Ed25519PublicKey) -> str:
    """The node id of a key that signed something. ProtocolError for a key that proves nothing, because anybody can sign for it."""
    raw = key.public_bytes_raw()
    if raw[:31] + bytes((raw[31] & 0x7F,)) in _SMALL_ORDER:
        raise ProtocolError("a key that anybody can sign for")
    return node_id_of(key)


def peer_node_id(connection: ssl.SSLObject) -> str:
    """The node id a peer proved in its handshake. ProtocolError for any other key than Ed25519, or another protocol (ALPN)."""
    if connection.selected_alpn_protocol() != ALPN:
        raise ProtocolError("not a slskdn node (no ALPN slskdn/1)")
    der = connection.getpeercert(binary_form=True)
    if not der:
        raise ProtocolError("no certificate")
    try:
        key = x509.load_der_x509_certificate(der).public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ProtocolError("certificate cannot be read") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ProtocolError("certificate has no Ed25519 key")
    return proven_id(key)


@lru_cache(maxsize=1)
def _dummy_ca() -> tuple[Ed25519PrivateKey, x509.Certificate]:
    key = load_pem_private_key(DUMMY_CA_KEY, None)
    assert isinstance(key, Ed25519PrivateKey)
    return key, x509.load_pem_x509_certificate(DUMMY_CA.encode())


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """A private key and what follows from it. `repr` shows only the node id."""

    _key: Ed25519PrivateKey
    node_id: str

    def __repr__(self) -> str:
        return f"NodeIdentity({self.node_id})"

    @classmethod
    def of(cls, key: Ed25519PrivateKey) -> NodeIdentity:
        return cls(key, node_id_of(key.public_key()))

    @classmethod
    def ephemeral(cls) -> NodeIdentity:
        """A throw-away identity that is never written."""
        return cls.of(Ed25519PrivateKey.generate())

    @classmethod
    def load_or_create(cls, path: Path) -> NodeIdentity:
        """The identity in this file (PKCS8 PEM, 0600), made now when there is none.

        Raises UserError: `config` when the file is no Ed25519 key, `disk` when it cannot be read or written. A damaged key is never replaced.
        """
        try:
            pem = _read(path)
            if pem is None:
                _create(path, cls.ephemeral().pem())
                pem = _read(path)
        except OSError as error:
            raise UserError(
                "disk", f"the node key {path} cannot be used: {error.strerror}", "make the folder writable for you alone"
            ) from error
        try:
            key = load_pem_private_key(pem or b"", None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise UserError(
                "config", f"{path} is not a node key", "restore it from a backup, or move it away to get a new identity"
            ) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise UserError("config", f"{path} is not an Ed25519 key", "restore it from a backup, or move it away to get a new identity")
        return cls.of(key)

    @property
    def public_raw(self) -> bytes:
        """The public key, 32 bytes."""
        return self._key.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        """An Ed25519 signature, 64 bytes; whoever calls puts a context in front that no other use has."""
        return self._key.sign(data)

    def pem(self) -> bytes:
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def certificate(self) -> bytes:
        """The leaf certificate (PEM); the same key always gives the same bytes."""
        ca_key, ca = _dummy_ca()
        public = self._key.public_key()
        usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "slskdn-tui node")]))
            .issuer_name(ca.subject)
            .public_key(public)
            .serial_number(int(self.node_id[:30], 16) + 1)
            .not_valid_before(_FROM)
            .not_valid_after(_UNTIL)
            .add_extension(x509.BasicConstraints(False, None), True)
            .add_extension(usage, True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), False)
        )
        return builder.sign(ca_key, None).public_bytes(Encoding.PEM)

    def server_context(self) -> ssl.SSLContext:
        context = self._context(ssl.PROTOCOL_TLS_SERVER)
        context.num_tickets = 0
        return context

    def client_context(self) -> ssl.SSLContext:
        return self._context(ssl.PROTOCOL_TLS_CLIENT)

    def _context(self, side: int) -> ssl.SSLContext:
        context = ssl.SSLContext(side)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=DUMMY_CA)
        context.set_alpn_protocols([ALPN])
        context.options |= ssl.OP_NO_TICKET
        _load_chain(context, self.certificate() + self.pem())
        return context


def _load_chain(context: ssl.SSLContext, pem: bytes) -> None:
    # load_cert_chain reads files only; an anonymous one in memory leaves no key on a disk
    fd = os.memfd_create("slskdn", os.MFD_CLOEXEC)
    try:
        os.write(fd, pem)
        context.load_cert_chain(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)


def _read(path: Path) -> bytes | None:
    """The file's bytes, None when there is no file. Wider permissions than 0600 are narrowed."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it is not a regular file")
        if status.st_mode & 0o077:
            log.warning("the node key %s was readable by others; its mode is now 0600", path)
            os.fchmod(fd, 0o600)
        return os.read(fd, _MOST_KEY_BYTES)
    finally:
        os.close(fd)


def _create(path: Path, pem: bytes) -> None:
    """Write, sync, then link into place: a crash leaves no half key, and of two processes one wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            os.write(fd, pem)
            os.fsync(fd)
        finally:
            os.close(fd)
        try:
            os.link(new, path)
        except FileExistsError:
            return
    finally:
        os.unlink(new)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
