"""The space of a file that is about to be written, so that a disk too small is found early. Shell.

Most file systems reserve any size in a millisecond. One in memory takes a page at a time (0.3 s a GiB): all but the beginning is then reserved in slices
while the first bytes arrive already. A file system that cannot reserve has the C library write a zero to each block, which must not happen beside
another writer: there, too, all of it comes first.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from functools import cache

AT_ONCE = 32 * 1024 * 1024
"""So much of a file is reserved before its first byte, and all of it where that took no longer than `QUICK_S`."""
QUICK_S = 0.004
SLICE = 512 * 1024
"""Writes wait for the slice in hand (0.15 ms); below 256 KiB changing between the threads costs more than is gained."""


class Space:
    """Reserve `size` bytes of the file open as `fd`, or a beginning of them: the others are for `rest`. Blocking. OSError: there is no room."""

    def __init__(self, fd: int, size: int) -> None:
        begun = time.perf_counter()
        os.posix_fallocate(fd, 0, min(size, AT_ONCE))
        self._at, self._size = AT_ONCE, size
        self._fd, self._stopped = -1, False
        if size > AT_ONCE:
            if time.perf_counter() - begun > QUICK_S and fallocate(fd, AT_ONCE, min(SLICE, size - AT_ONCE)):
                self._fd = os.dup(fd)  # its own: the number of a file closed meanwhile may be another file's
            else:
                os.posix_fallocate(fd, AT_ONCE, size - AT_ONCE)

    @property
    def whole(self) -> bool:
        """Nothing is left to reserve."""
        return self._fd < 0

    def rest(self) -> None:
        """Blocking: slice by slice until all is reserved, or `stop`. Raises OSError."""
        while self._at < self._size and not self._stopped:
            fallocate(self._fd, self._at, min(SLICE, self._size - self._at))
            self._at += SLICE

    def stop(self) -> None:
        """No more slices after the one in hand."""
        self._stopped = True

    def close(self) -> None:
        """Let go, once `rest` has ended or will never begin."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def fallocate(fd: int, start: int, length: int) -> bool:
    """The system call itself, without what the C library does in its place: False where there is none. Raises OSError."""
    call = _system_call()
    while number := call(fd, start, length):
        if number in (errno.EOPNOTSUPP, errno.ENOSYS):
            return False
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))
    return True


@cache
def _system_call() -> Callable[[int, int, int], int]:
    """(fd, start, length) -> errno or 0."""
    import ctypes  # only large files on slow file systems need it, and it takes milliseconds

    function = getattr(ctypes.CDLL(None, use_errno=True), "fallocate64", None)
    if function is None:
        return lambda fd, start, length: errno.ENOSYS
    function.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return lambda fd, start, length: ctypes.get_errno() if function(fd, 0, start, length) else 0
