"""vpnagentd in the device's namespace, confined to the lab's cgroup; on a whole machine, to nothing."""

import contextlib
import json
import os
import shutil
import signal
import socket
import struct
from pathlib import Path

from tests.lab import kernel, process, profiles, undo
from tests.lab.client import Client
from tests.lab.netns import stop
from tests.lab.strongswan import wait_for

PATIENCE = 90  # seconds until an agent that was started is in force: on a busy machine, or an emulated one


def request(control, command, **more):
    """Asks on the control socket, without a program in between."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(10)
        s.connect(str(control))
        s.sendall(json.dumps({"command": command, **more}).encode() + b"\n")
        with s.makefile("rb") as lines:
            answer = json.loads(lines.readline() or b'{"ok": false, "error": "no answer"}')
    if not answer["ok"]:
        raise RuntimeError(f"{command}: {answer['error']}")
    return answer["result"]


class Agent:
    """One installation: folders, policy, daemon. The daemon may be killed and started again."""

    def __init__(self, world, build, policy, *, tunnels=None, configuration=None, prefix=(), arguments=(), inside=False, service=False):
        """`tunnels`: identifiers of the policy's tunnels that a lab client brings up, with its configuration. `prefix`: what starts
        the daemon; `arguments`: what it is given beyond its folders. `inside`: in the
        guarded cgroup, as on a real machine, so that what it sends for others is judged; `service`: there, too, in one that is named as a
        service's is, by which it is known."""
        self._world, self._build, self.policy = world, build, policy
        self.folder = world.folder / "agent"
        self._prefix, self._arguments = list(prefix), list(arguments)
        self._cgroup = world.app_cgroup("agent") if inside else world.outside
        if service:
            self._cgroup = world.guarded / "vpnagentd.service"
            self._cgroup.mkdir(exist_ok=True)
        self._process = None
        for name in ("config", "state", "bpf"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        if not list((self.folder / "bpf").iterdir()):
            kernel.mount("bpf", self.folder / "bpf", "bpf")  # not the host's: what is pinned goes with the lab
            undo.later(kernel.umount, self.folder / "bpf")
        self.control = self.folder / "control"
        self.clients = self.folder / "clients"
        secrets = Path(f"{policy}.secrets")
        text = {**({"secrets": {"file": str(secrets)}} if secrets.exists() else {}), "interfaces": {access.link: access.kind for access in world.accesses},
                "tunnels": {tunnel: {"external": options} for tunnel, options in (tunnels or {}).items()}, **(configuration or {})}
        (self.folder / "config/agent.yaml").write_text(json.dumps(text))

    def forget(self):
        """As if it had never run here: what it remembers of a tunnel that was up would make it `reasserting`."""
        shutil.rmtree(self.folder / "state")
        (self.folder / "state").mkdir()

    def start(self, wait=True):
        command = [*self._prefix, self._build / "bin/vpnagentd", "--policy", self.policy, "--config", self.folder / "config", "--state-dir", self.folder / "state",
                   "--control", self.control, "--bpf-dir", self.folder / "bpf/guard"]
        command += [] if self._world.whole_machine else ["--cgroup", self._world.guarded]
        log = (self.folder / "log").open("a")
        undo.later(log.close)
        self.control.unlink(missing_ok=True)
        self._process = self._world.device.start([*map(str, command), *self._arguments], stdout=log, stderr=log, preexec_fn=self._enter)
        if wait:
            try:
                wait_for(lambda: self._gone() or self._guards(), "the guard in force", PATIENCE)
            except TimeoutError as error:
                raise RuntimeError(f"{error}: {self.log()[-2000:]}") from None
        return self

    def _enter(self):
        kernel.private_mounts()  # charon, which the agent starts, has fixed places in /run
        kernel.mount("tmpfs", "/run", "tmpfs")
        process.join(self._cgroup)

    def _guards(self):
        try:
            return self.request("status")["guard"] == "in-force"
        except (OSError, RuntimeError):
            return False

    def _gone(self):
        if self._process.poll() is not None:
            raise RuntimeError(f"vpnagentd has ended with {self._process.returncode}: {self.log()[-2000:]}")
        return False

    def log(self):
        return Path(self.folder / "log").read_text(errors="replace") if (self.folder / "log").exists() else ""

    @property
    def pid(self):
        return self._process.pid

    @property
    def root(self):
        """The root folder that the daemon sees."""
        return Path(f"/proc/{self.pid}/root")

    def kill(self):
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def age(self, seconds):
        """As if the agent, which has been killed, had given its last sign of life so long ago (struct vpn_control)."""
        control = kernel.PinnedArray(next((self.folder / "bpf/guard").glob("maps-*/control")))
        value = control.read()
        then = struct.unpack_from("=Q", value, 8)[0] - seconds * 10**9
        control.write(value[:8] + struct.pack("=q", then) + value[16:])

    def terminate(self):
        stop(self._process, 5)

    def request(self, command, **more):
        try:
            return request(self.control, command, **more)
        except RuntimeError as error:
            raise RuntimeError(f"{error}\n{self.log()[-1500:]}") from None

    def client(self, tunnel):
        return Client(self._world, self.clients, tunnel)

    def remove(self):
        """Takes the guard away, the daemon too."""
        with contextlib.suppress(OSError, RuntimeError):
            self.request("stop", remove_guard=True)
        self.terminate()


class Guard:
    """The agent as what stands between an attack and the wire: always-on, its tunnel in a given status."""

    name = "agent"

    def __init__(self, world, build, policy, status):
        self._world, self._status = world, status
        self._agent = Agent(world, build, policy, tunnels={profiles.ALWAYS_ON_TUNNEL: {}})
        self._client = None

    def engage(self):
        self._agent.forget()
        self._agent.start()
        self._client = self._agent.client(profiles.ALWAYS_ON_TUNNEL)
        self._say("connecting" if self._status == "connecting" else "connected")  # the way to all others
        if self._status == "killed":
            self._agent.kill()
            self._client.kill()
            self._world.tunnel.remove()
        elif self._status not in ("connecting", "connected"):
            self._say(self._status)

    def _say(self, status):
        self._client.report(status)
        wait_for(lambda: self.status() == status, lambda: f"status {status}; the agent's log: {self._agent.log()[-1500:]}")

    def status(self):
        return next(tunnel["status"] for tunnel in self._agent.request("status")["tunnels"])

    def check(self):
        if self._status != "killed" and self.status() != self._status:
            raise AssertionError(f"the tunnel was to be {self._status}, and is {self.status()}")

    def release(self):
        self._client.close()
        if self._status == "killed":
            self._world.tunnel.make()
            self._agent.start()
        self._agent.remove()


def missing(build):
    absent = [name for name in ("vpnagentd", "vpnagentctl") if not os.access(build / "bin" / name, os.X_OK)]
    return f"not built yet: {', '.join(absent)}" if absent else None
