"""Keys that are kept announced. Core: says what is due, sends nothing."""

from __future__ import annotations

from dataclasses import dataclass

from slskdn_tui.engine.dht.wire.chance import Rng

RETRY_FIRST, RETRY_MOST = 5.0, 120.0


@dataclass(slots=True)
class _Publication:
    port: int
    every: float
    spread: float
    due: float
    retry: float = RETRY_FIRST
    running: bool = False


class Publications:
    """Keys that are kept announced: again after `every` plus up to `spread` seconds; sooner when nobody took it."""

    def __init__(self, rng: Rng, most: int) -> None:
        self._rng, self._most = rng, most
        self._keys: dict[bytes, _Publication] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def put(self, key: bytes, port: int, every: float, spread: float, now: float) -> None:
        """ValueError when there are too many: nobody may announce a whole library."""
        if key not in self._keys and len(self._keys) >= self._most:
            raise ValueError(f"at most {self._most} keys are kept announced")
        self._keys[key] = _Publication(port, every, spread, now)

    def drop(self, key: bytes) -> None:
        self._keys.pop(key, None)

    def due(self, now: float) -> list[tuple[bytes, int]]:
        """What to announce now; each waits for `result` before it is due again."""
        ready = [(key, item) for key, item in self._keys.items() if item.due <= now and not item.running]
        for _, item in ready:
            item.running = True
        return [(key, item.port) for key, item in ready]

    def result(self, key: bytes, stored: int, now: float) -> None:
        item = self._keys.get(key)
        if item is None:
            return
        item.running = False
        if stored:
            item.due, item.retry = now + item.every + item.spread * self._rng.random(), RETRY_FIRST
        else:
            item.due, item.retry = now + item.retry, min(RETRY_MOST, item.retry * 2)

    def wake(self, now: float) -> None:
        """We joined: what nobody took before is tried again now."""
        for item in self._keys.values():
            if item.retry > RETRY_FIRST:
                item.due, item.retry = now, RETRY_FIRST

    @property
    def next(self) -> float | None:
        return min((item.due for item in self._keys.values() if not item.running), default=None)
