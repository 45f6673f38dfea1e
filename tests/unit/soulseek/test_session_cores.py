"""Cores of the session and of people: waits over a simulated month, the port file, NAT-PMP, share lists, budgets and kept answers."""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.soulseek.connection import nat_pmp
from slskdn_tui.engine.soulseek.connection.port_file import Look, PortFile, read_port
from slskdn_tui.engine.soulseek.connection.supervise import MOST_WAIT_S, Waits
from slskdn_tui.engine.soulseek.people.answers import Answers, Budget
from slskdn_tui.engine.soulseek.wire.share_list import read_folder, read_shares
from slskdn_tui.model.errors import UserError

MONTH = 30 * 86_400.0

# -- the session's waits


@pytest.mark.parametrize("seed", range(20))
def test_over_a_month_of_drops_bans_and_kicks_nobody_logs_in_by_himself_after_a_kick_nor_often(seed: int) -> None:
    """The world is a die; the user comes back from a kick or a refusal after hours. What the core says is obeyed to the second."""
    die = random.Random(seed)
    waits = Waits(5.0, random.Random(seed + 1000))
    now, banned_until = 0.0, 0.0
    logins: list[float] = []
    unasked_from = float("inf")
    while now < MONTH:
        assert now < unasked_from, "a login after a kick or a refusal that nobody asked for"
        logins.append(now)
        recent = [each for each in logins if each > now - 600]
        if len(recent) > 30:
            banned_until = now + 1800
        if now < banned_until or die.random() < 0.05:
            wait = waits.after("unanswered")
        elif die.random() < 0.1:
            wait = waits.after("unreachable")
        else:
            lasted = die.choice((1.0, 30.0, 59.0, 61.0, 3600.0, 86_400.0))
            now += lasted
            wait = waits.after(*die.choice((("dropped", lasted), ("dropped", lasted), ("kicked",), ("refused",))))  # type: ignore[call-overload]
        if wait is None:
            unasked_from = now
            now += die.uniform(60.0, 20_000.0)
            waits.reset()  # as `reconnect` does
            unasked_from = float("inf")
        else:
            assert 5.0 <= wait <= MOST_WAIT_S
            now += wait
    assert banned_until == 0.0, "more than 30 logins in ten minutes"
    assert len(logins) < 30_000


def test_the_first_wait_is_five_to_fifteen_seconds_doubles_to_five_minutes_and_starts_over_after_a_good_session() -> None:
    waits = Waits(5.0, random.Random(1))
    first = waits.after("dropped", 10.0)
    assert 5.0 <= first <= 15.0
    assert waits.after("unreachable") == pytest.approx(2 * first)
    for _ in range(10):
        last = waits.after("unanswered")
    assert last == MOST_WAIT_S
    assert waits.after("dropped", 59.0) == MOST_WAIT_S
    assert waits.after("dropped", 61.0) <= 15.0


def test_after_a_kick_and_a_refusal_there_is_no_next_login() -> None:
    waits = Waits(5.0, random.Random(1))
    assert waits.after("kicked", 86_400.0) is None and waits.after("refused") is None


# -- the port file


@pytest.mark.parametrize(("content", "port"), [(b"2234", 2234), (b" 51820\n", 51820), (b"1\r\n", 1), (b"65535 1234\n", 65535)])
def test_a_port_is_read(content: bytes, port: int) -> None:
    assert read_port(Look((1,), content)) == port


@pytest.mark.parametrize("content", [b"", b"\n", b"0", b"65536", b"-1", b"2234x", "٣".encode(), b"\xff", b"1e3", b"00002234"])
def test_what_is_no_port_is_said(content: bytes) -> None:
    with pytest.raises(ValueError):
        read_port(Look((1,), content))


@given(st.binary(max_size=200))
def test_whatever_the_file_holds_is_a_port_or_words(content: bytes) -> None:
    try:
        assert 1 <= read_port(Look((1,), content)) <= 65535
    except ValueError as error:
        assert str(error).isprintable()


def test_a_file_is_called_bad_only_when_it_still_is_at_the_second_look_and_once() -> None:
    file = PortFile()
    assert file.look(Look((1,), b"2234")) == 2234
    assert file.look(Look((1,), b"2234")) is None
    assert file.look(Look((2,), b"")) is None, "it is being written"
    assert file.look(Look((3,), b"51820")) == 51820
    assert file.look(Look((4,), b"")) is None
    assert file.look(Look((4,), b"")) == "is empty"
    assert file.look(Look((4,), b"")) is None
    assert file.look(Look(error="no such file")) is None
    assert file.look(Look(error="no such file")) == "cannot be read (no such file)"
    assert file.look(Look((5,), b"51820")) == 51820


# -- NAT-PMP, byte by byte as RFC 6886 draws it


def test_nat_pmp_messages_are_those_of_the_rfc() -> None:
    assert nat_pmp.ask(2234, 2234).hex() == "0002000008ba08ba00001c20"
    assert nat_pmp.ask(2234, 0, 0).hex() == "0002000008ba000000000000"
    granted = nat_pmp.read(bytes.fromhex("008200000000000508ba08bb00000e10"), 2234)
    assert granted == nat_pmp.Mapping(2234, 2235, 3600) and granted.renew_in == 1800


@pytest.mark.parametrize("answer", ["", "00", "0080000000000005c0a80001", "008200000000000508ba08bb", "008200000000000508bb08bb00000e10"])
def test_other_answers_are_not_taken_for_ours(answer: str) -> None:
    assert nat_pmp.read(bytes.fromhex(answer), 2234) is None


def test_a_refusal_says_why() -> None:
    for code, words in ((2, "permit"), (4, "no port left"), (77, "code 77")):
        with pytest.raises(nat_pmp.Refused, match=words):
            nat_pmp.read(struct.pack("!BBHI", 0, 130, code, 5), 2234)


def test_the_router_is_the_default_route_of_the_least_metric() -> None:
    head = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
    lines = (
        "eth0 00000000 0101A8C0 0003 0 0 100 00000000 0 0 0\n"
        "wlan0 00000000 FE00A8C0 0003 0 0 50 00000000 0 0 0\n"
        "eth0 0001A8C0 00000000 0001 0 0 0 00FFFFFF 0 0 0\n"
        "tun0 00000000 00000000 0001 0 0 0 00000000 0 0 0\n"
    )
    assert nat_pmp.default_gateway(head + lines) == "192.168.0.254"
    assert nat_pmp.default_gateway(head) is None


# -- share lists


def text(words: str | bytes) -> bytes:
    raw = words.encode() if isinstance(words, str) else words
    return struct.pack("<I", len(raw)) + raw


def file(name: str | bytes, size: int = 100, extension: str = "flac", attributes: tuple[tuple[int, int], ...] = ()) -> bytes:
    facts = b"".join(struct.pack("<II", *each) for each in attributes)
    return b"\x01" + text(name) + struct.pack("<Q", size) + text(extension) + struct.pack("<I", len(attributes)) + facts


def folders(*listed: tuple[str | bytes, list[bytes]]) -> bytes:
    out = struct.pack("<I", len(listed))
    for name, files in listed:
        out += text(name) + struct.pack("<I", len(files)) + b"".join(files)
    return out


def test_a_share_list_is_read_with_attributes_and_old_encodings_and_the_private_part_left_off() -> None:
    body = folders(
        (
            "@@a\\Music\\One",
            [file("01.flac", 5, "flac", ((1, 180), (4, 44100), (5, 16))), file("caf\xe9.mp3".encode("cp1252"), 7, "", ((0, 320),))],
        ),
        ("@@a\\Music", []),
    )
    listed = read_shares(body + struct.pack("<I", 0) + folders(("secret", [file("x")])))
    assert (listed.files, listed.size, listed.capped, len(listed.folders)) == (2, 12, False, 2)
    assert [each.path for each in listed.folders] == ["@@a\\Music", "@@a\\Music\\One"], "by name, whatever the peer's order"
    one, two = listed.folders[1].found("alice")
    assert (one.path, one.size, one.extension) == ("@@a\\Music\\One\\01.flac", 5, "flac")
    assert (one.seconds, one.sample_rate, one.bit_depth, one.bitrate) == (180, 44100, 16, None)
    assert (two.name, two.extension, two.bitrate) == ("café.mp3", "mp3", 320)
    assert listed.folder("@@a\\Music\\One") is listed.folders[1] and listed.folder("secret") is None


def test_more_files_than_the_cap_are_left_off_and_told() -> None:
    body = folders(*((f"f{number}", [file(f"{number}.{each}") for each in range(10)]) for number in range(10)))
    listed = read_shares(body, 35)
    assert (listed.files, listed.capped) == (35, True)
    assert not read_shares(body, 100).capped


def test_files_no_one_could_fetch_are_left_out() -> None:
    body = folders(("f", [file("", 5), file("a\0b", 5), file("zero", 0), file("vast", 2**63), file("good", 1)]))
    assert [each[0] for each in read_shares(body).folders[0].files] == ["good"]


@pytest.mark.parametrize(
    "body", [b"", b"\x01", b"\xff\xff\xff\xff", struct.pack("<II", 1, 2**31), folders(("f", [file("a")]))[:-1], folders(("n" * 5000, []))]
)
def test_a_damaged_list_is_an_error_and_no_more(body: bytes) -> None:
    with pytest.raises((ValueError, struct.error)):
        read_shares(body)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_list_or_an_error(body: bytes) -> None:
    for read in (read_shares, read_folder):
        try:
            read(body)
        except (ValueError, struct.error):
            pass


def test_a_folder_reply_carries_its_ticket() -> None:
    reply = read_folder(struct.pack("<I", 7) + text("f") + folders(("f", [file("a")]), ("f\\sub", [file("b")])))
    assert (reply.ticket, reply.path, [each.path for each in reply.folders]) == (7, "f", ["f", "f\\sub"])


# -- budgets and kept answers


@given(st.lists(st.floats(0, 30), max_size=60))
def test_never_more_than_five_in_any_minute(steps: list[float]) -> None:
    budget, now, taken = Budget(5, 60.0), 0.0, []
    for step in steps:
        now += step
        if not budget.wait(now):
            budget.take(now)
            taken.append(now)
    assert all(later - first >= 60.0 for first, later in zip(taken, taken[5:], strict=False))


def test_an_answer_is_asked_once_shown_in_part_kept_and_asked_again_when_old() -> None:
    async def story() -> None:
        clock = VirtualClock()
        supervisor = Supervisor(clock)
        asked: list[str] = []
        go = asyncio.Event()

        async def ask(key: str, publish: Callable[[str], None]) -> str:
            asked.append(key)
            if key == "nobody":
                raise UserError("not_found", "there is nobody", "")
            if key == "defect":
                raise RuntimeError("a bug")
            publish(f"{key} in part")
            await go.wait()
            return f"{key} whole {len(asked)}"

        answers: Answers[str, str] = Answers("test", supervisor, clock, ask, keep_s=300.0, keep_failed_s=60.0)
        assert answers.look("a").state == "asking"
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (answers.look("a").state, answers.look("a").value) == ("asking", "a in part") and asked == ["a"]
        go.set()
        assert await answers.get("a") == "a whole 1" == answers.known("a") and answers.look("a").state == "done"
        await clock.advance(299)
        assert await answers.get("a") == "a whole 1"
        await clock.advance(2)
        assert answers.known("a") is None
        assert answers.look("a").state == "done", "the old one is shown until the new one is there"
        assert await answers.get("a") == "a whole 2"
        with pytest.raises(UserError):
            await answers.get("nobody")
        assert answers.look("nobody").state == "failed" and asked == ["a", "a", "nobody"]
        await clock.advance(61)
        with pytest.raises(UserError):
            await answers.get("nobody")
        assert len(asked) == 4
        with pytest.raises(UserError, match="given up"):
            await answers.get("defect")
        assert answers.look("defect").state == "failed" and len(asked) == 5, "a defect is not asked for again at every look"
        for _ in range(200):
            assert answers.watch("a").value == "a whole 2"
            await clock.advance(10)
        assert asked.count("a") == 2, "a screen that stays open asks once"
        await clock.advance(31)
        answers.watch("a")
        assert await answers.get("a") == "a whole 6" and asked.count("a") == 3
        await supervisor.stop()

    asyncio.run(story())


def test_of_answers_looked_at_the_last_are_kept_and_the_question_of_the_oldest_ends() -> None:
    async def story() -> None:
        clock, ended = VirtualClock(), list[str]()
        supervisor = Supervisor(clock)

        async def ask(key: str, publish: Callable[[str], None]) -> str:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(key)
            return ""

        answers: Answers[str, str] = Answers("test", supervisor, clock, ask, keep_s=300.0, most=3)
        for key in "abcde":
            answers.look(key)
            await clock.advance(1.0)
        assert ended == ["a", "b"] and len(answers._answers) == 3
        await supervisor.stop()

    asyncio.run(story())
