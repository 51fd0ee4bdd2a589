"""The program of a VPN client of the lab (client.py): lines from standard input become messages to the agent, but for those to
the program itself. Needs nothing but the standard library."""

import json
import select
import socket
import sys
import time


def _listen(connection):
    """Whether the agent is still there."""
    try:
        return bool(connection.recv(65536))
    except ConnectionResetError:
        return False


def main(path):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for attempt in range(100):  # an agent that has just been started listens a little later
        try:
            connection.connect(path)
            break
        except (ConnectionRefusedError, FileNotFoundError):
            if attempt == 99:
                raise
            time.sleep(0.02)
    while True:
        ready, _, _ = select.select([sys.stdin.buffer.raw, connection], [], [])
        if connection in ready and not _listen(connection):
            return
        if sys.stdin.buffer.raw in ready:
            text = sys.stdin.buffer.raw.readline()
            if not text:
                return
            message = json.loads(text)
            print(json.dumps({"errno": _try(message["try"]) if "try" in message else connection.send(text) and 0}), flush=True)


def _try(endpoint):
    """An outer packet; the errno, or 0."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outer:
        try:
            outer.sendto(b"outer", tuple(endpoint))
        except OSError as error:
            return error.errno
    return 0


if __name__ == "__main__":
    main(sys.argv[1])
