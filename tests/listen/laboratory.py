"""A laboratory that sends over real sockets, keeps what is not acknowledged, and sends it again."""

from __future__ import annotations

import threading

from cmvmon.feeds.mllp import framed
from tests.listen.listening import answers, code_and_id, connected, result


class Laboratory:
    """A sender that keeps what is not acknowledged, and sends it again."""

    def __init__(self, n: int) -> None:
        self.waiting = [str(number) for number in range(n)]
        self.acknowledged: set[str] = set()
        self.lock = threading.Lock()

    def send(self, port: int) -> None:
        """Sends until nothing waits, or the line breaks; a few at one time."""
        try:
            with connected(port) as at:
                while True:
                    with self.lock:
                        some, self.waiting = self.waiting[:4], self.waiting[4:]
                    if not some:
                        return
                    try:
                        at.sendall(b"".join(framed(result(one)) for one in some))
                        for answer in answers(at, len(some)):
                            code, control = code_and_id(answer)
                            assert code == "AA"
                            self.acknowledged.add(control)
                    finally:
                        with self.lock:
                            self.waiting += [one for one in some if one not in self.acknowledged]
        except OSError:
            return
