"""What runs inside the machine that systemd starts (tests/lab/vm_systemd.py): an app that tries to get out all the time, and an
administrator, who does to the agent's service what happens to services and sees what comes of it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

from tests.lab import agent, guest, world
from tests.lab.scenario import expect
from tests.lab.stage import REFUSED, ask
from tests.lab.strongswan import wait_for

AGENT, LOCKDOWN, BRIDGE, NETWORK = "vpnagentd.service", "vpn-lockdown.service", "vpnagent-dbus.service", "systemd-networkd.service"
CONTROL, POLICY, POLICIES = "/run/vpnprofile/control.sock", Path("/etc/vpnprofile/device.vpnpolicy"), Path("policies")
STATE = Path("/var/lib/vpnprofile")
TRIED = Path("/run/lab-app")
PATIENCE = 60  # seconds: the machine is emulated
# The exposure that `systemd-analyze security` may find at most: a line that is taken out of a unit is seen.
EXPOSURE = {AGENT: 4.8, LOCKDOWN: 2.0, BRIDGE: 0.9}
CLONE3 = "435"
OURS = ("vpnagentd", "vpnagent-dbus", "nft", "charon-systemd", "openvpn", "wireguard-go")


# The app ------------------------------------------------------------------------------------


def app():
    tried = refused = 0
    while True:
        counts = guest.try_once()
        tried, refused = tried + counts[0], refused + counts[1]
        TRIED.write_text(f"{tried} packets tried, {refused} of them refused at once")
        time.sleep(0.05)


# What an administrator asks -----------------------------------------------------------------


def run(*command, check=True):
    done = subprocess.run(command, capture_output=True, text=True)
    expect(not check or done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


def show(name, unit=AGENT):
    """A property of a unit."""
    return run("systemctl", "show", unit, "--value", "-p", name).strip()


def journal(*more):
    return run("journalctl", "-b", "-o", "cat", "--no-pager", *more, check=False)


def tell(text):
    guest.report(kind="told", text=text)


def in_force():
    try:
        return show("ActiveState") == "active" and agent.request(CONTROL, "status")["guard"] == "in-force"
    except (OSError, RuntimeError):
        return False


def tunnel():
    return {entry["id"]: entry["status"] for entry in agent.request(CONTROL, "status")["tunnels"]}


def wait(condition, what):
    wait_for(condition, lambda: f"{what}; {show('ActiveState')}/{show('SubState')}, {show('Result')}; {journal('-u', AGENT, '-n', '30')}", PATIENCE)


def carries(what):
    """The agent is in force, and its tunnel is there and takes what an app sends."""
    wait(in_force, f"{what}: the guard in force")
    wait(lambda: set(tunnel().values()) == {"connected"}, f"{what}: the tunnel connected")
    wait(lambda: ask(world.SERVER, {})[0] == b"hello", f"{what}: an answer through the tunnel")


def refuses(what):
    """A connection of TCP that the lockdown stops waits, for no program is there that would tell it."""
    answer, _ = ask(world.SERVER, {})
    expect(answer in REFUSED | {"timeout"}, f"{what}: an app got {answer}")


def has_lockdown():
    return "table inet vpn_lockdown" in run("nft", "list", "tables")


def install(name):
    for path in POLICIES.glob(f"{name}.vpnpolicy*"):
        shutil.copy2(path, POLICY.with_name(path.name.replace(name, "device", 1)))


def break_policy():
    POLICY.write_bytes(b"nonsense")


def break_state():
    """As where the disk has lost it: nothing is left from which the agent could go on."""
    shutil.rmtree(STATE)


# What it sees -------------------------------------------------------------------------------


def order_of_the_boot():
    """The lockdown, then the agent, and only then the network; the lockdown is lifted once the agent is in force."""
    at = lambda unit, what: int(show(f"{what}TimestampMonotonic", unit))  # noqa: E731
    lockdown, ready, pre, network = at(LOCKDOWN, "ActiveEnter"), at(AGENT, "ActiveEnter"), at("network-pre.target", "ActiveEnter"), at(NETWORK, "InactiveExit")
    expect(0 < lockdown <= at(AGENT, "InactiveExit"), "the agent was started before the lockdown")
    expect(ready <= pre <= network, f"the network was not waited with: agent {ready}, network-pre {pre}, network {network}")
    expect(not has_lockdown(), "the lockdown was not lifted")
    print(run("systemd-analyze", "critical-chain", NETWORK), flush=True)
    seconds = [f"{name} {when / 1e6:.1f} s" for name, when in (("lockdown", lockdown), ("agent", ready), ("network", network))]
    tell(f"after power-on: {', '.join(seconds)}")


def hardening():
    """What systemd itself thinks of the units."""
    found = []
    for unit, most in EXPOSURE.items():
        text = run("systemd-analyze", "security", "--no-pager", unit)
        print(text, flush=True)
        exposure = float(re.search(r"exposure level for \S+: ([0-9.]+)", text)[1])
        expect(exposure <= most, f"{unit} is more exposed than before: {exposure}\n{text}")
        found.append(f"{unit} {exposure}")
    tell(f"exposure: {', '.join(found)}")


def no_system_call_was_refused():
    """systemd's filters log what they refuse (SYSTEMD_LOG_SECCOMP), clone3 too: no filter can read
    its arguments, it is said not to be there (ENOSYS), and the C library uses another call."""
    text = journal("_TRANSPORT=audit") + journal("-k") + run("dmesg")
    refused = set(re.findall(r'comm="([^"]+)" exe="[^"]*" sig=\d+ arch=\w+ syscall=(\d+)', text))
    refused = {(name, number) for name, number in refused if number != CLONE3}
    expect(not {name for name, _ in refused} & set(OURS), f"system calls were refused: {sorted(refused)}")
    tell(f"system calls refused: {sorted(refused) or 'none'}")


def bridge():
    wait(lambda: show("ActiveState", BRIDGE) == "active", "the bridge to D-Bus")
    answer = run("busctl", "call", "org.vpnprofile.Agent1", "/org/vpnprofile/Agent1", "org.vpnprofile.Agent1", "ListTunnels")
    expect("connected" in answer, f"by D-Bus: {answer}")
    expect(show("NRestarts", BRIDGE) == "0", "the bridge had to be started again")


def reach():
    """What the unit leaves writable is enough: systemd-resolved's socket, which lookups must not take, can be moved away, though
    its folder was not there when the agent was started."""
    folder = f"/proc/{show('MainPID')}/root/run/systemd/resolve"
    if show("ActiveState", "systemd-resolved.service") == "active":
        expect(os.access(folder, os.W_OK), "the agent may not write where systemd-resolved has its socket")
    expect(not os.access(f"/proc/{show('MainPID')}/root/etc", os.W_OK), "the agent may write to /etc")


def lease():
    """systemd-networkd, which is not root, renews its lease by a socket of its own (S1.a): to get one at all it has used another."""
    def sent():
        return sum(int(line.rpartition(" ")[2]) for line in run("vpnagentctl", "metrics").splitlines()
                   if line.startswith("vpn_packets_total") and 'rule="S1.a"' in line and 'direction="out"' in line and 'verdict="direct"' in line)

    before, (link, *_) = sent(), [name for name in os.listdir("/sys/class/net") if name.startswith("e")]
    run("networkctl", "renew", link)
    wait(lambda: sent() > before, f"a renewal by {link}: {run('vpnagentctl', 'drops')}")


# What happens to a service ------------------------------------------------------------------


def another(before, what):
    """systemd has started another agent."""
    wait(lambda: show("MainPID") not in ("0", before) and in_force(), what)


def restarted():
    before = show("MainPID")
    run("systemctl", "restart", AGENT)
    another(before, "after restart")


def reloaded():
    before = show("MainPID")
    run("systemctl", "reload", AGENT)
    time.sleep(1)
    expect(show("MainPID") == before and in_force(), "reload was no reload")


def killed():
    before, times = show("MainPID"), int(show("NRestarts"))
    os.kill(int(before), signal.SIGKILL)
    another(before, "after SIGKILL")
    expect(int(show("NRestarts")) == times + 1, "somebody else has started it")


def hung():
    """The watchdog finds out."""
    before, start = show("MainPID"), time.monotonic()
    os.kill(int(before), signal.SIGSTOP)
    another(before, "after SIGSTOP")
    expect("watchdog" in journal("-u", AGENT).lower(), f"not by the watchdog: {journal('-u', AGENT, '-n', '20')}")
    tell(f"hung: another agent after {time.monotonic() - start:.0f} s")


def stopped():
    run("systemctl", "stop", AGENT)
    expect(show("ActiveState") == "inactive", "stop did not stop it")
    time.sleep(3)
    wait(lambda: ask(world.SERVER, {})[0] in REFUSED | {"timeout"}, "stopped: nothing gets out")
    run("systemctl", "start", AGENT)


def broken_policy():
    """The one that was in force stays so."""
    before = show("MainPID")
    break_policy()
    run("systemctl", "restart", AGENT)
    another(before, "with a broken policy")
    expect("stays in force" in journal("-u", AGENT), "nothing was said of it")
    install("last")


def failing():
    """It cannot start, and is tried again until it can: systemd does not give up."""
    run("systemctl", "stop", AGENT)
    break_policy()
    break_state()
    times = int(show("NRestarts"))
    run("systemctl", "start", AGENT, check=False)
    wait(lambda: int(show("NRestarts")) > times + 2, "a broken policy: started again and again")
    refuses("a broken policy")
    install("last")


def other_tunnels():
    """What their daemons need is more than what charon needs."""
    for name in ("openvpn", "wireguard", "last"):
        run("systemctl", "stop", AGENT)
        guest.report(kind="policy", name=name)
        install(name)
        run("systemctl", "start", AGENT)
        carries(f"the policy '{name}'")


# The boots ----------------------------------------------------------------------------------


def story():
    carries("after the boot")
    order_of_the_boot()
    hardening()
    reach()
    bridge()
    lease()
    for act in (other_tunnels, restarted, reloaded, killed, hung, stopped, broken_policy, failing):
        act()
        carries(f"after: {act.__name__}")
        guest.report(kind="act", title=act.__name__)
    no_system_call_was_refused()
    cut()


def again():
    """What the power cut left has to do. Then the policy breaks."""
    carries("after the power cut")
    order_of_the_boot()
    no_system_call_was_refused()
    break_policy()
    break_state()
    cut()


def corrupt():
    """The lockdown stays where no agent comes, the network comes up all the same; then somebody mends the policy."""
    wait(lambda: int(show("NRestarts")) > 2, "a broken policy at boot: started again and again")
    expect(has_lockdown(), "the lockdown is gone, and no agent is there")
    wait(lambda: show("ActiveState", NETWORK) == "active" and "default" in run("ip", "route"), "the network")
    refuses("a broken policy at boot")
    install("last")
    carries("after the policy was mended")
    expect(not has_lockdown(), "the lockdown was not lifted")
    told()
    guest.report(kind="done")
    run("systemctl", "poweroff")


def unguarded():
    wait(lambda: "default" in run("ip", "route"), "the network")
    time.sleep(2)
    guest.report(kind="done")
    run("systemctl", "poweroff")


def told():
    tell(TRIED.read_text())
    os.sync()


def cut():
    told()
    guest.report(kind="cut")
    time.sleep(60)


def administrator():
    task = re.search(r"lab=systemd-(\w+)", Path("/proc/cmdline").read_text())[1]
    guest.report(kind="kernel", release=os.uname().release)
    try:
        if task != "corrupt":  # whose boot takes as long as the agent is tried
            run("systemctl", "is-system-running", "--wait", check=False)
        {"story": story, "again": again, "corrupt": corrupt, "unguarded": unguarded}[task]()
    except Exception:  # noqa: BLE001
        failed = run("systemctl", "--failed", "--no-legend", check=False)
        guest.report(kind="error", text=f"{traceback.format_exc()}\n{failed}\n{journal('-n', '80')}")
        os.sync()
        run("poweroff", "-f", check=False)


if __name__ == "__main__":
    {"app": app, "administrator": administrator}[sys.argv[1]]()
