"""Receives alerts of maskwatch, checks who sent them, and prints each one once.

    MASKWATCH_SECRET=... python examples/webhook_receiver.py [PORT]

Only the standard library is used. Put it behind something that speaks TLS.
"""

import hashlib
import hmac
import json
import os
import sys
import time
from collections import deque
from collections.abc import Mapping
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OLDEST_S = 300
SECRET = os.environ.get("MASKWATCH_SECRET", "")
LARGEST_BYTES = 1_000_000
seen: deque[str] = deque(maxlen=10_000)


def is_genuine(secret: str, headers: Mapping[str, str] | Message, body: bytes) -> bool:
    """Whether a body was signed with the secret, and not long ago."""
    stamp = headers.get("X-Maskwatch-Timestamp", "")
    signed = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    given = headers.get("X-Maskwatch-Signature", "")
    # Compared in constant time, so that a forger learns nothing from how long it takes.
    if not hmac.compare_digest(f"sha256={signed}".encode(), given.encode()):
        return False
    return stamp.isdecimal() and abs(time.time() - int(stamp)) < OLDEST_S


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 to what is genuine, 401 to all else."""

    timeout = 10

    def do_POST(self) -> None:
        """Take one phase of an alert."""
        size = min(int(self.headers.get("Content-Length", 0)), LARGEST_BYTES)
        body = self.rfile.read(size)
        if not is_genuine(SECRET, self.headers, body):
            self.send_error(401)
            return
        number = self.headers["X-Maskwatch-Id"]
        # An alert may come twice, when our answer to it was lost.
        if number not in seen:
            seen.append(number)
            alert = json.loads(body)
            print(alert["phase"], alert["camera"], alert["sentence"], flush=True)
        self.send_response(204)
        self.end_headers()


if __name__ == "__main__":
    if not SECRET:
        sys.exit("set MASKWATCH_SECRET to the secret of the webhook channel")
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
    ThreadingHTTPServer(("127.0.0.1", port), Receiver).serve_forever()
