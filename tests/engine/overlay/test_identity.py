"""Who a node is, and who may talk to it."""

from __future__ import annotations

import os
import ssl
import stat
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from overlay_world import RawClient, dial, run, until, world

from slskdn_tui.engine.overlay import identity as identities
from slskdn_tui.engine.overlay.greeting import MeshError
from slskdn_tui.engine.overlay.identity import NodeIdentity
from slskdn_tui.model.errors import UserError


def test_the_key_is_made_once_private_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "data" / "node.key"
    first = NodeIdentity.load_or_create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert NodeIdentity.load_or_create(path).node_id == first.node_id
    assert [entry.name for entry in path.parent.iterdir()] == ["node.key"]
    assert first.certificate() == NodeIdentity.load_or_create(path).certificate()


def test_a_key_that_others_can_read_is_made_private(tmp_path: Path) -> None:
    path = tmp_path / "node.key"
    NodeIdentity.load_or_create(path)
    path.chmod(0o644)
    NodeIdentity.load_or_create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_damaged_key_is_reported_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "node.key"
    path.write_bytes(b"garbage")
    with pytest.raises(UserError) as failure:
        NodeIdentity.load_or_create(path)
    assert failure.value.code == "config" and path.read_bytes() == b"garbage"


def test_a_link_in_place_of_the_key_is_refused(tmp_path: Path) -> None:
    NodeIdentity.load_or_create(tmp_path / "other.key")
    (tmp_path / "node.key").symlink_to(tmp_path / "other.key")
    with pytest.raises(UserError) as failure:
        NodeIdentity.load_or_create(tmp_path / "node.key")
    assert failure.value.code == "disk"


def test_the_key_does_not_show_itself() -> None:
    me = NodeIdentity.ephemeral()
    assert repr(me) == f"NodeIdentity({me.node_id})"


def test_certificates_outlive_every_clock() -> None:
    certificate = x509.load_pem_x509_certificate(NodeIdentity.ephemeral().certificate())
    assert certificate.not_valid_before_utc == datetime(2000, 1, 1, tzinfo=UTC)
    assert certificate.not_valid_after_utc.year == 9999


def client_context(pem: bytes, tmp_path: Path, ca: str = identities.DUMMY_CA, alpn: str | None = "slskdn/1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=ca)
    if alpn:
        context.set_alpn_protocols([alpn])
    if pem:
        (tmp_path / "chain.pem").write_bytes(pem)
        context.load_cert_chain(tmp_path / "chain.pem")
    return context


def leaf(key: object, issuer: x509.Name, signer: Ed25519PrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key()).serial_number(7)  # type: ignore[attr-defined]
    certificate = builder.not_valid_before(datetime(2000, 1, 1)).not_valid_after(datetime(9999, 12, 31)).sign(signer, None)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[attr-defined]
    return certificate.public_bytes(Encoding.PEM) + private


def test_clients_that_prove_no_ed25519_identity_are_refused(tmp_path: Path) -> None:
    """No certificate, one of a foreign CA, one without an Ed25519 key, and another protocol: nobody becomes a peer, nobody gets a HELLO."""
    ca_key, ca = identities._dummy_ca()
    foreign = Ed25519PrivateKey.generate()
    good = NodeIdentity.ephemeral()
    contexts = {
        "none": client_context(b"", tmp_path),
        "foreign": client_context(leaf(Ed25519PrivateKey.generate(), ca.subject, foreign), tmp_path),
        "ecdsa": client_context(leaf(generate_private_key(SECP256R1()), ca.subject, ca_key), tmp_path),
        "no alpn": client_context(good.certificate() + good.pem(), tmp_path, alpn=None),
    }

    async def body() -> None:
        async with world() as w:
            node = await w.node(1)
            for number, context in enumerate(contexts.values()):
                raw = await RawClient.connect(node, source=f"127.1.{201 + number}.1", context=context)
                raw.send(1, 0, b"{}")
                assert await raw.ended()
            assert not node.peers and node.counters["connected"] == 0
            honest = await w.node(2)
            assert (await dial(honest, node)).node_id == node.identity.node_id

    run(body)


def test_tls_1_2_is_refused(tmp_path: Path) -> None:
    me = NodeIdentity.ephemeral()
    context = client_context(me.certificate() + me.pem(), tmp_path)
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    async def body() -> None:
        async with world() as w:
            node = await w.node(1)
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await RawClient.connect(node, context=context)

    run(body)


def test_a_dial_finds_the_pinned_node_or_refuses(tmp_path: Path) -> None:
    async def body() -> None:
        async with world() as w:
            one, two = await w.node(1), await w.node(2)
            with pytest.raises(MeshError) as failure:
                await dial(one, two, expect="00" * 32)
            assert failure.value.code == "pin_mismatch" and not one.peers
            await until(lambda: not two.peers)
            peer = await dial(one, two, expect=two.identity.node_id)
            assert peer.node_id == two.identity.node_id
            assert ("peer.refused", "pin_mismatch") in [(name, facts.get("code")) for name, facts in w.events[one.identity.node_id]]

    run(body)


def test_a_node_does_not_talk_to_itself_nor_to_the_blocked() -> None:
    async def body() -> None:
        async with world() as w:
            blocked: set[str] = set()
            one, two = await w.node(1), await w.node(2, blocked=blocked.__contains__)
            with pytest.raises(MeshError) as failure:
                await dial(one, one)
            assert failure.value.code == "own_id"
            peer = await dial(one, two)
            blocked.add(one.identity.node_id)
            two.drop(one.identity.node_id, "blocked")
            await until(lambda: peer.closed and not one.peers and not two.peers)
            with pytest.raises(MeshError) as failure:
                await dial(one, two)
            assert failure.value.code == "refused" and not two.peers
            with pytest.raises(MeshError) as failure:
                await dial(two, one)
            assert (failure.value.code, failure.value.node_id) == ("blocked", one.identity.node_id)
            before = one.counters["accepted"]
            with pytest.raises(MeshError):
                await dial(two, one, expect=one.identity.node_id)
            assert one.counters["accepted"] == before, "who is blocked by name is not even called"
            blocked.clear()
            assert (await dial(one, two)).node_id == two.identity.node_id

    run(body)


def test_addresses_outside_the_permit_are_neither_dialled_nor_let_in() -> None:
    async def body() -> None:
        async with world() as w:
            one, two = await w.node(1), await w.node(2)
            two._policy = type(two._policy)(())
            with pytest.raises(MeshError) as failure:
                await dial(two, one)
            assert failure.value.code == "not_permitted"
            with pytest.raises(MeshError):
                await dial(one, two)
            assert two.counters["refused not permitted"] == 1
            assert (await dial(two, one, named=True)).node_id == one.identity.node_id

    run(body)


@pytest.mark.skipif(not os.path.exists("/usr/bin/openssl"), reason="needs the openssl command")
def test_openssl_accepts_the_certificate(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(identities.DUMMY_CA)
    (tmp_path / "leaf.pem").write_bytes(NodeIdentity.ephemeral().certificate())
    done = subprocess.run(
        ["/usr/bin/openssl", "verify", "-x509_strict", "-CAfile", tmp_path / "ca.pem", tmp_path / "leaf.pem"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
