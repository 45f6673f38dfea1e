"""Shell: answers of the network that somebody looks at again and again: asked once at a time, kept for a while, failures too.

With it a core, `Budget`: at most so many in so many seconds.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.model.errors import UserError

REOPENED_S = 30.0
"""not looked at for so long: it is another look"""

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Budget:
    """At most `most` in any `window` seconds."""

    def __init__(self, most: int, window: float) -> None:
        self._window = window
        self._taken: deque[float] = deque(maxlen=most)

    def wait(self, now: float) -> float:
        """Seconds until one more is allowed; 0 when it is."""
        full = len(self._taken) == self._taken.maxlen
        return max(0.0, self._taken[0] + self._window - now) if full else 0.0

    def take(self, now: float) -> None:
        self._taken.append(now)


@dataclass(slots=True)
class Answer(Generic[Value]):
    """What is known now: `value` may be there (a `part`, or an older one) while it is still asked; `error` why the last time failed."""

    value: Value | None = None
    error: UserError | None = None
    asking: bool = True
    part: bool = False
    at: float = 0.0
    seen: float = float("-inf")
    task: asyncio.Task[Any] | None = field(default=None, repr=False)

    @property
    def state(self) -> Literal["asking", "done", "failed"]:
        if self.value is not None and not (self.part and self.asking):
            return "done"
        return "asking" if self.asking else "failed"


class Answers(Generic[Key, Value]):
    """`ask(key, publish)` brings the value, or raises UserError; `publish` shows a part of it before. The last `most` are kept, `keep_s` each."""

    def __init__(
        self,
        name: str,
        supervisor: Supervisor,
        clock: Clock,
        ask: Callable[[Key, Callable[[Value], None]], Awaitable[Value]],
        *,
        keep_s: float,
        keep_failed_s: float = 60.0,
        most: int = 64,
    ) -> None:
        self._name = name
        self._supervisor = supervisor
        self._clock = clock
        self._ask = ask
        self._keep = (keep_s, keep_failed_s)
        self._most = most
        self._answers: OrderedDict[Key, Answer[Value]] = OrderedDict()

    def watch(self, key: Key) -> Answer[Value]:
        """As `look`, for who looks again and again: a screen that stays open all night asks once, one that is opened anew asks anew."""
        answer, now = self._answers.get(key), self._clock.now()
        if answer is None or now - answer.seen > REOPENED_S:
            answer = self.look(key)
        answer.seen = now
        return answer

    def look(self, key: Key) -> Answer[Value]:
        """The answer as it stands; asked for when there is none, or only an old one."""
        answer = self._answers.get(key)
        if answer is None:
            answer = self._answers[key] = Answer(asking=False)
        self._answers.move_to_end(key)
        if not answer.asking and not self._fresh(answer):
            answer.asking, answer.error = True, None
            answer.task = self._supervisor.spawn(self._name, self._run(key, answer))
        while len(self._answers) > self._most:
            _, old = self._answers.popitem(last=False)
            if old.task is not None:
                old.task.cancel()
        return answer

    def known(self, key: Key) -> Value | None:
        """A value that is here and fresh; nobody is asked."""
        answer = self._answers.get(key)
        return answer.value if answer is not None and self._fresh(answer) else None

    async def get(self, key: Key) -> Value:
        """The whole value. Raises UserError."""
        answer = self.look(key)
        if answer.asking and answer.task is not None:
            await asyncio.wait((answer.task,))
        if answer.value is None or answer.error is not None:
            raise answer.error or given_up()
        return answer.value

    def clear(self) -> None:
        """Forget everything; questions under way end."""
        for answer in self._answers.values():
            if answer.task is not None:
                answer.task.cancel()
        self._answers.clear()

    def _fresh(self, answer: Answer[Value]) -> bool:
        if answer.part or (answer.value is None and answer.error is None):
            return False
        return self._clock.now() - answer.at < self._keep[answer.error is not None]

    async def _run(self, key: Key, answer: Answer[Value]) -> None:
        def publish(value: Value) -> None:
            if answer.value is None or answer.part:
                answer.value, answer.part = value, True

        end: UserError | None = given_up()  # a question that ends in a defect is not asked again at every look
        try:
            answer.value = await self._ask(key, publish)
            end = None
        except UserError as error:
            answer.value, end = None, error
        finally:
            answer.error, answer.asking, answer.part, answer.at = end, False, False, self._clock.now()


def given_up() -> UserError:
    return UserError("failed", "the question was given up", "ask again later; the log says why")
