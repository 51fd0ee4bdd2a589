"""A network namespace: its links, addresses, sockets and captures."""

import socket
import struct
import subprocess
from pathlib import Path

from tests.lab import frames, kernel, undo

SOL_PACKET, PACKET_STATISTICS, SO_RCVBUFFORCE = 263, 6, 33
ETH_P_ALL = 3
CAPTURE_BUFFER = 256 << 20  # bytes; some 100,000 small frames wait in it until they are counted


class Namespace:
    def __init__(self, label, path=None):
        """Makes one, or (path) takes the one that is there."""
        self.label = label
        self.name = undo.name(label)
        self.path = Path(path or f"/run/netns/{self.name}")
        if path is None:
            subprocess.run(["ip", "netns", "add", self.name], check=True)
            undo.later(undo.remove_namespace, self.name)
            self.ip("link set lo up")

    def inside(self):
        """The calling thread is in this namespace within the block."""
        return kernel.network_of(self.path)

    def ip(self, *lines):
        """Runs lines of `ip -batch`."""
        self.run(["ip", "-batch", "-"], text="\n".join(lines) + "\n")

    def run(self, command, text=None, check=True):
        """Runs a program in here; its standard output."""
        with self.inside():
            done = subprocess.run(command, input=text, text=True, capture_output=True)
        if check and done.returncode != 0:
            raise RuntimeError(f"{self.label}: {' '.join(map(str, command))}: {done.stderr.strip() or done.stdout.strip()}\n{text or ''}")
        return done.stdout

    def start(self, command, **options):
        """Starts a program in here; ends with the lab."""
        with self.inside():
            process = subprocess.Popen(command, **options)
        undo.later(stop, process)
        return process

    def sysctl(self, **values):
        """net.ipv4.ip_forward is given as net__ipv4__ip_forward."""
        with self.inside():
            for key, value in values.items():
                Path("/proc/sys", *key.split("__")).write_text(str(value))

    def socket(self, *arguments):
        with self.inside():
            return socket.socket(*arguments)

    def index(self, link):
        with self.inside():
            return socket.if_nametoindex(link)

    def address(self, link):
        """The hardware address of a link."""
        with self.inside():
            text = subprocess.run(["ip", "-br", "link", "show", "dev", link], check=True, capture_output=True, text=True).stdout
        return bytes.fromhex(text.split()[2].replace(":", ""))

    def capture(self, link):
        return Capture(self, link)


class Capture:
    """Every frame that arrives at a link, kept by the kernel until it is asked for. Counts are exact: a frame that had no
    room is an error."""

    def __init__(self, namespace, link):
        self.link = link
        self._socket = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, CAPTURE_BUFFER)
        with namespace.inside():
            self._socket.bind((link, ETH_P_ALL))
        self._socket.setblocking(False)

    def take(self):
        """The frames since the last call that came in over the wire."""
        return [frames.parse(data) for data in self._read(sent=False)]

    def take_sent(self):
        """The packets since the last call that left by a link without Ethernet headers."""
        return [frames.parse(bytes(12) + (b"\x86\xdd" if data[0] >> 4 == 6 else b"\x08\x00") + data) for data in self._read(sent=True)]

    def _read(self, sent):
        taken = []
        while True:
            try:
                data, (_, _, direction, _, _) = self._socket.recvfrom(65600)
            except BlockingIOError:
                break
            except OSError:
                continue  # the link went down: what arrived before is still to be read
            if (direction == socket.PACKET_OUTGOING) == sent:
                taken.append(data)
        _, lost = struct.unpack("II", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        if lost:
            raise RuntimeError(f"the capture on {self.link} lost {lost} frames: its counts mean nothing")
        return taken

    def close(self):
        self._socket.close()


def stop(process, patience=2.0):
    """Ends a program that we started: politely, then not."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
