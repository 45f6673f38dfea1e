"""The downloader's states towards one peer, as a table. Core. An event that a state does not take is an error with both names in it."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType


class DState(StrEnum):
    NEW = "D_NEW"
    NEGOTIATING = "D_NEGOTIATING"
    READY = "D_READY"
    REQUESTING = "D_REQUESTING"
    DRAINING = "D_DRAINING"
    VERIFYING = "D_VERIFYING"
    COMPLETED = "D_COMPLETED"
    ABORTED = "D_ABORTED"


class DEvent(StrEnum):
    NEGOTIATE = "negotiate"  # offer looked at, digests asked for
    ACCEPT = "accept"  # variant, digests and guard agree
    REQUEST = "request"  # a chunk is asked for
    CHUNK = "chunk"  # a chunk came
    DRAIN = "drain"  # nothing left to ask; answers are outstanding
    ALL_PRESENT = "all_present"  # the last byte of the file is there, from whomever
    VERIFIED = "verified"  # the file is whole and committed
    ABORT = "abort"  # refused, lost, banned, stopped


class IllegalEvent(RuntimeError):
    """The table has no such step; names the state and the event."""

    def __init__(self, state: DState, event: DEvent) -> None:
        self.state, self.event = state, event
        takes = ", ".join(sorted(known.value for known in TABLE[state])) or "nothing"
        super().__init__(f"{state.value} does not take {event.value!r} (it takes {takes})")


_S, _E = DState, DEvent
TABLE: MappingProxyType[DState, MappingProxyType[DEvent, DState]] = MappingProxyType(
    {
        state: MappingProxyType(steps)
        for state, steps in {
            _S.NEW: {_E.NEGOTIATE: _S.NEGOTIATING, _E.ABORT: _S.ABORTED},
            _S.NEGOTIATING: {_E.ACCEPT: _S.READY, _E.ABORT: _S.ABORTED},
            _S.READY: {_E.REQUEST: _S.REQUESTING, _E.CHUNK: _S.READY, _E.ALL_PRESENT: _S.VERIFYING, _E.ABORT: _S.ABORTED},
            _S.REQUESTING: {
                _E.REQUEST: _S.REQUESTING,
                _E.CHUNK: _S.REQUESTING,
                _E.DRAIN: _S.DRAINING,
                _E.ALL_PRESENT: _S.VERIFYING,
                _E.ABORT: _S.ABORTED,
            },
            # A drained peer is asked again when another one is lost or lies.
            _S.DRAINING: {
                _E.REQUEST: _S.REQUESTING,
                _E.CHUNK: _S.DRAINING,
                _E.DRAIN: _S.DRAINING,
                _E.ALL_PRESENT: _S.VERIFYING,
                _E.ABORT: _S.ABORTED,
            },
            _S.VERIFYING: {_E.CHUNK: _S.VERIFYING, _E.VERIFIED: _S.COMPLETED, _E.ABORT: _S.ABORTED},
            _S.COMPLETED: {},
            _S.ABORTED: {},
        }.items()
    }
)


def advance(state: DState, event: DEvent) -> DState:
    """The next state; raises IllegalEvent."""
    try:
        return TABLE[state][event]
    except KeyError:
        raise IllegalEvent(state, event) from None
