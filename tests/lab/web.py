"""A web server of the lab that answers every request with the same bytes, whatever these are."""

import select
import socket

from tests.lab import world
from tests.lab.process import Child


class Web:
    def __init__(self, place, port, answer=b"", address=world.SERVER):
        self._child = Child(_serve, address, port, namespace=place.internet, cgroup=place.outside)
        self._child.receive()
        self.answers(answer)

    def answers(self, data):
        self._child.send(data)
        self._child.receive()

    def peers(self):
        """Who has asked since the last call, and with what first line."""
        self._child.send(None)
        return self._child.receive()


def _serve(channel, address, port):
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(64)
    answer, peers = b"", []
    channel.send("ready")
    while True:
        ready, _, _ = select.select([listener, channel], [], [])
        if channel in ready:
            try:
                message = channel.recv()
            except EOFError:
                return
            if message is None:
                channel.send(list(peers))
                peers.clear()
            else:
                answer = message
                channel.send("ready")
        if listener in ready:
            client, peer = listener.accept()
            client.settimeout(2)
            try:
                peers.append((peer[0], client.recv(65536).split(b"\r\n")[0].decode()))
                client.sendall(answer)
            except OSError:
                pass
            client.close()
