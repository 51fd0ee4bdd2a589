"""A web server of the lab that answers every request with the same bytes, whatever these are."""

import select
import socket
import ssl

from tests.lab import world
from tests.lab.process import Child


class Web:
    """With a certificate (tests/lab/certificates.py) it speaks TLS."""

    def __init__(self, place, port, answer=b"", address=world.SERVER, certificate=None):
        self._child = Child(_serve, address, port, certificate, namespace=place.internet, cgroup=place.outside)
        self._child.receive()
        self.answers(answer)

    def answers(self, data):
        self._child.send(data)
        self._child.receive()

    def peers(self):
        """Who has asked since the last call, and with what first line."""
        self._child.send(None)
        return self._child.receive()


def _serve(channel, address, port, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
    if context:
        context.load_cert_chain(certificate.certificate, certificate.key)
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
                if context:
                    client = context.wrap_socket(client, server_side=True)
                peers.append((peer[0], client.recv(65536).split(b"\r\n")[0].decode()))
                client.sendall(answer)
            except OSError:
                pass
            client.close()
