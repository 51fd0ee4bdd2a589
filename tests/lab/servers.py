"""The internet's servers: TCP and UDP echo that tell who asked."""

import select
import socket

ECHO = 7
_KEEP = 100_000  # lines of the log


def echo(channel, addresses, ports):
    """Serves TCP and UDP echo on each address and port until it is killed. Sends b"ready"; to "log" it answers with the
    (protocol, local address, peer address, first bytes) of everything since the last question."""
    listeners, clients, owed, datagrams, log = {}, {}, {}, {}, []
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        for port in ports:
            tcp = socket.socket(family, socket.SOCK_STREAM)
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tcp.bind((address, port))
            tcp.listen(1024)
            udp = socket.socket(family, socket.SOCK_DGRAM)
            udp.bind((address, port))
            listeners[tcp.fileno()], datagrams[udp.fileno()] = tcp, udp
    poll = select.epoll()
    for fd in [*listeners, *datagrams, channel.fileno()]:
        poll.register(fd, select.EPOLLIN)
    channel.send("ready")
    while True:
        for fd, _ in poll.poll():
            if fd == channel.fileno():
                if not tell(channel, log):
                    return
            elif fd in listeners:
                client, _ = listeners[fd].accept()
                client.setblocking(False)
                clients[client.fileno()], owed[client.fileno()] = client, bytearray()
                poll.register(client.fileno(), select.EPOLLIN)
            elif fd in datagrams:
                data, peer = datagrams[fd].recvfrom(65535)
                _note(log, "udp", datagrams[fd], peer, data)
                _quietly(datagrams[fd].sendto, data, peer)
            else:
                _serve(poll, clients, owed, fd, log)
            del log[:-_KEEP]


def tell(channel, log):
    """Sends what has been noted since the last question, and forgets it; False: nobody asks any more."""
    try:
        channel.recv()
    except EOFError:
        return False
    channel.send(list(log))
    log.clear()
    return True


def _serve(poll, clients, owed, fd, log):
    """Reads no more from a client before it has taken what it is owed."""
    client = clients[fd]
    try:
        if not owed[fd]:
            data = client.recv(65536)
            if not data:
                raise EOFError
            _note(log, "tcp", client, client.getpeername(), data)
            owed[fd] += data
        del owed[fd][:client.send(owed[fd])]
    except BlockingIOError:
        pass
    except (OSError, EOFError):
        del clients[fd], owed[fd]
        client.close()
        return
    poll.modify(fd, select.EPOLLOUT if owed[fd] else select.EPOLLIN)


def _note(log, protocol, own, peer, data):
    log.append((protocol, own.getsockname()[0], peer[0].removeprefix("::ffff:"), data[:64]))


def _quietly(function, *arguments):
    try:
        function(*arguments)
    except OSError:
        pass
