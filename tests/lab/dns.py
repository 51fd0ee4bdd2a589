"""Resolvers of the lab, and the questions of its apps: both made by hand, for what a library hides is what is looked at."""

import select
import socket
import ssl
import struct
import threading
import time

import h2.config
import h2.connection
import h2.events

from tests.lab.servers import tell

A, CNAME, AAAA = 1, 5, 28
NO_ERROR, SERVER_FAILURE, NO_NAME = 0, 2, 3
_KEEP = 100_000


def encoded(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def question(name, kind=A, number=0x1234):
    return struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + encoded(name) + struct.pack("!HH", kind, 1)


def _read_name(message, at):
    """(name, where it ends)."""
    labels, end = [], None
    while message[at]:
        if message[at] >= 0xC0:
            end = end or at + 2
            at = struct.unpack_from("!H", message, at)[0] & 0x3FFF
            continue
        labels.append(message[at + 1:at + 1 + message[at]].decode())
        at += 1 + message[at]
    return ".".join(labels), end or at + 1


def read(message):
    """(number, code, truncated, addresses with their time to live)."""
    number, flags, questions, answers = struct.unpack_from("!4H", message)
    at, found = 12, []
    for _ in range(questions):
        at = _read_name(message, at)[1] + 4
    for _ in range(answers):
        at = _read_name(message, at)[1]
        kind, _, seconds, size = struct.unpack_from("!HHIH", message, at)
        data = message[at + 10:at + 10 + size]
        at += 10 + size
        if kind in (A, AAAA):
            found.append((socket.inet_ntop(socket.AF_INET if kind == A else socket.AF_INET6, data), seconds))
    return number, flags & 15, bool(flags & 0x0200), found


# Resolvers --------------------------------------------------------------------------------------------------------------


def serve(channel, addresses, zone):
    """Answers on port 53 of each address, UDP and TCP. `zone`: {name: [(type, value, seconds)]}; "*" for all others. Sends "ready"; to
    "log" it answers with the (protocol, name, peer) of everything since the last question."""
    listeners, datagrams, clients, log = {}, {}, {}, []
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        udp, tcp = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_STREAM)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        udp.bind((address, 53))
        tcp.bind((address, 53))
        tcp.listen(64)
        datagrams[udp.fileno()], listeners[tcp.fileno()] = udp, tcp
    poll = select.epoll()
    for fd in [*listeners, *datagrams, channel.fileno()]:
        poll.register(fd, select.EPOLLIN)
    channel.send("ready")
    while True:
        for fd, _ in poll.poll():
            if fd == channel.fileno():
                if not tell(channel, log):
                    return
            elif fd in datagrams:
                message, peer = datagrams[fd].recvfrom(65535)
                answer = _answer(zone, message, "udp", peer, log)
                datagrams[fd].sendto(answer, peer)
            elif fd in listeners:
                client, _ = listeners[fd].accept()
                clients[client.fileno()] = client
                poll.register(client.fileno(), select.EPOLLIN)
            else:
                _serve_stream(zone, clients, fd, log)
            del log[:-_KEEP]


def _serve_stream(zone, clients, fd, log):
    client = clients[fd]
    try:
        size = client.recv(2, socket.MSG_WAITALL)
        if len(size) == 2:
            message = client.recv(struct.unpack("!H", size)[0], socket.MSG_WAITALL)
            answer = _answer(zone, message, "tcp", client.getpeername(), log)
            client.sendall(struct.pack("!H", len(answer)) + answer)
            return
    except OSError:
        pass
    del clients[fd]
    client.close()


def _answer(zone, message, protocol, peer, log):
    name, end = _read_name(message, 12)
    kind = struct.unpack_from("!H", message, end)[0]
    log.append((protocol, name.lower(), peer[0].removeprefix("::ffff:")))
    records, owner, wanted = b"", name, zone.get(name.lower(), zone.get("*"))
    count = 0
    for record, value, seconds in wanted or []:
        if record == CNAME:
            data = encoded(value)
        elif record == kind:
            data = socket.inet_pton(socket.AF_INET if record == A else socket.AF_INET6, value)
        else:
            continue
        records += encoded(owner) + struct.pack("!HHIH", record, 1, seconds, len(data)) + data
        count += 1
        if record == CNAME:
            owner = value
    code = NO_ERROR if wanted is not None else NO_NAME
    return message[:2] + struct.pack("!5H", 0x8180 | code, 1, count, 0, 0) + message[12:end + 4] + records


def serve_encrypted(channel, address, zone, certificate, key, http2=False, devices=None):
    """DNS over TLS on port 853 and over HTTPS on 443, one client after the other; "log" as above. What speaks no TLS, or trusts us not, is
    ("refused", port, peer). With `http2` HTTPS is HTTP/2 and nothing else; each connection is ("connection", 443, peer).
    `devices`: the authority of those that are heard."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if http2:
        context.set_alpn_protocols(["h2"])
    if devices:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(devices)
    listeners, log = {}, []
    for port in (853, 443):
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tcp.bind((address, port))
        tcp.listen(64)
        listeners[tcp.fileno()] = tcp
    poll = select.epoll()
    for fd in [*listeners, channel.fileno()]:
        poll.register(fd, select.EPOLLIN)
    channel.send("ready")
    while True:
        for fd, _ in poll.poll():
            if fd == channel.fileno():
                if not tell(channel, log):
                    return
                continue
            client, peer = listeners[fd].accept()
            port = client.getsockname()[1]
            client.settimeout(2)
            try:
                stream = context.wrap_socket(client, server_side=True)
                if http2 and port == 443:
                    log.append(("connection", port, peer[0]))
                    threading.Thread(target=_answer_by_http2, args=(stream, zone, peer, log), daemon=True).start()
                    continue
                with stream:
                    _answer_encrypted(stream, port, zone, peer, log)
            except OSError:
                log.append(("refused", port, peer[0]))


def _answer_encrypted(stream, port, zone, peer, log):
    with stream.makefile("rwb") as file:
        if port == 853:
            answer = _answer(zone, file.read(struct.unpack("!H", file.read(2))[0]), "tls", peer, log)
            file.write(struct.pack("!H", len(answer)) + answer)
            return
        path, size = file.readline().split()[1].decode(), 0
        while line := file.readline().strip():
            size = int(line.split()[1]) if line.lower().startswith(b"content-length:") else size
        answer = _answer(zone, file.read(size), "https", peer, log)
        if path != "/dns-query":
            file.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/dns-message\r\nContent-Length: {len(answer)}\r\n\r\n"
        file.write(head.encode() + answer)


def _answer_by_http2(stream, zone, peer, log):
    """As long as the client keeps the connection."""
    if stream.selected_alpn_protocol() != "h2":
        log.append(("refused", 443, peer[0]))
        return stream.close()
    stream.settimeout(60)
    session = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
    session.initiate_connection()
    paths, bodies = {}, {}
    with stream:
        stream.sendall(session.data_to_send())
        while data := stream.recv(65536):
            for event in session.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    paths[event.stream_id], bodies[event.stream_id] = dict(event.headers)[":path"], b""
                elif isinstance(event, h2.events.DataReceived):
                    bodies[event.stream_id] += event.data
                    session.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    found = paths.pop(event.stream_id) == "/dns-query"
                    answer = _answer(zone, bodies.pop(event.stream_id), "h2", peer, log)
                    session.send_headers(event.stream_id, [(":status", "200" if found else "404"), ("content-type", "application/dns-message")])
                    session.send_data(event.stream_id, answer, end_stream=True)
            stream.sendall(session.data_to_send())


# Apps -------------------------------------------------------------------------------------------------------------------


def look_up(resolver, name, how=None):
    """In an app: asks a resolver once. {code, addresses, resolver as the app sees it, seconds}; or {error}."""
    how = how or {}
    kind, protocol = how.get("kind", A), how.get("protocol", "udp")
    family = socket.AF_INET6 if ":" in resolver else socket.AF_INET
    message, start = question(name, kind), time.monotonic()
    try:
        with socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM) as s:
            s.settimeout(how.get("seconds", 4))
            if protocol == "tcp":
                s.connect((resolver, 53))
                s.sendall(struct.pack("!H", len(message)) + message)
                peer = s.getpeername()
                size = struct.unpack("!H", s.recv(2, socket.MSG_WAITALL))[0]
                answer = s.recv(size, socket.MSG_WAITALL)
            elif how.get("connected"):
                s.connect((resolver, 53))
                s.send(message)
                peer = s.getpeername()
                answer = s.recv(65535)
            else:
                s.sendto(message, (resolver, 53))
                answer, peer = s.recvfrom(65535)
    except TimeoutError:
        return {"error": "timeout", "seconds": time.monotonic() - start}
    except OSError as error:
        return {"error": error.errno, "seconds": time.monotonic() - start}
    _, code, truncated, found = read(answer)
    return {"code": code, "truncated": truncated, "addresses": [address for address, _ in found], "seen": peer[:2], "seconds": time.monotonic() - start}
