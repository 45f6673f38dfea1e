"""States of one upload (a variant to a peer) as a table; an event a state does not take is an error naming both. Core."""

from __future__ import annotations

from enum import StrEnum


class UploadState(StrEnum):
    IDLE = "U_IDLE"
    PENDING = "U_PENDING"
    SERVING = "U_SERVING"
    THROTTLED = "U_THROTTLED"
    TEARDOWN = "U_TEARDOWN"
    DONE = "U_DONE"
    REJECTED = "U_REJECTED"


class UploadEvent(StrEnum):
    OFFER = "offer"  # this node offered the variant
    EXPIRE = "expire"  # nobody asked within the offer's time
    REQUEST = "request"  # a chunk of a known variant was asked for
    CAP = "cap"  # the upload cap is reached
    FREE = "free"  # there is room under the cap again
    REFUSE = "refuse"  # the file is gone or cannot be read, or policy forbids it
    END = "end"  # cancelled whole, idle, or the peer is gone
    RELEASE = "release"  # a refused transfer lets go
    CLOSED = "closed"  # the file handle is closed
    FORGET = "forget"  # recently done no more


_S, _E = UploadState, UploadEvent
TABLE: dict[tuple[UploadState, UploadEvent], UploadState] = {
    (_S.IDLE, _E.OFFER): _S.PENDING,
    (_S.IDLE, _E.REQUEST): _S.SERVING,
    (_S.PENDING, _E.OFFER): _S.PENDING,
    (_S.PENDING, _E.EXPIRE): _S.IDLE,
    (_S.PENDING, _E.REQUEST): _S.SERVING,
    (_S.PENDING, _E.END): _S.TEARDOWN,
    (_S.SERVING, _E.OFFER): _S.SERVING,
    (_S.SERVING, _E.REQUEST): _S.SERVING,
    (_S.SERVING, _E.CAP): _S.THROTTLED,
    (_S.SERVING, _E.REFUSE): _S.REJECTED,
    (_S.SERVING, _E.END): _S.TEARDOWN,
    (_S.THROTTLED, _E.OFFER): _S.THROTTLED,
    (_S.THROTTLED, _E.REQUEST): _S.THROTTLED,
    (_S.THROTTLED, _E.FREE): _S.SERVING,
    (_S.THROTTLED, _E.REFUSE): _S.REJECTED,
    (_S.THROTTLED, _E.END): _S.TEARDOWN,
    (_S.REJECTED, _E.RELEASE): _S.TEARDOWN,
    (_S.TEARDOWN, _E.CLOSED): _S.DONE,
    (_S.DONE, _E.OFFER): _S.PENDING,
    (_S.DONE, _E.REQUEST): _S.SERVING,
    (_S.DONE, _E.FORGET): _S.IDLE,
}
HOLDS_SLOT = frozenset({UploadState.SERVING, UploadState.THROTTLED})


class UploadStateError(RuntimeError):
    """`state` does not take `event`."""

    def __init__(self, state: UploadState, event: UploadEvent) -> None:
        super().__init__(f"{state} does not take {event}")
        self.state = state
        self.event = event


def step(state: UploadState, event: UploadEvent) -> UploadState:
    """The next state. UploadStateError when the table has none."""
    try:
        return TABLE[state, event]
    except KeyError:
        raise UploadStateError(state, event) from None
