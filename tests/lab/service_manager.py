"""What logind needs of systemd's service manager, on the bus whose address is the argument: units that are loaded, and a job for
the one that puts a machine to sleep. Says `asleep` when that is started, and ends it, which is to wake up, at a line of input. A
program: `python3 service_manager.py ADDRESS`."""

import ctypes
import select
import sys

_NAME, _PATH = b"org.freedesktop.systemd1", b"/org/freedesktop/systemd1"
_JOB = b"/org/freedesktop/systemd1/job/7"
_HANDLER = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
_bus_library = ctypes.CDLL("libsystemd.so.0")
_bus_library.sd_bus_message_get_member.restype = ctypes.c_char_p


def _do(name, *arguments):
    result = getattr(_bus_library, name)(*arguments)
    if result < 0:
        raise OSError(-result, name)
    return result


def _called(message, _data, _error):
    message = ctypes.c_void_p(message)
    if _bus_library.sd_bus_message_is_method_call(message, None, None) <= 0:
        return 0
    member = _bus_library.sd_bus_message_get_member(message)
    if member == b"Get":
        _do("sd_bus_reply_method_return", message, b"v", b"s", b"loaded")
    elif member == b"StartUnit":
        _do("sd_bus_reply_method_return", message, b"o", _JOB)
        print("asleep", flush=True)
    else:
        _do("sd_bus_reply_method_return", message, None)
    return 1


def main(address):
    bus = ctypes.c_void_p()
    _do("sd_bus_new", ctypes.byref(bus))
    _do("sd_bus_set_address", bus, address.encode())
    _do("sd_bus_set_bus_client", bus, 1)
    _do("sd_bus_start", bus)
    handler = _HANDLER(_called)
    _do("sd_bus_add_filter", bus, None, handler, None)
    _do("sd_bus_request_name", bus, _NAME, ctypes.c_uint64(0))
    print("ready", flush=True)
    while True:
        while _do("sd_bus_process", bus, None):
            pass
        ready, _, _ = select.select([_do("sd_bus_get_fd", bus), sys.stdin], [], [])
        if sys.stdin in ready:
            if not sys.stdin.readline():
                return
            _do("sd_bus_emit_signal", bus, _PATH, b"org.freedesktop.systemd1.Manager", b"JobRemoved", b"uoss", ctypes.c_uint32(7), _JOB, b"suspend.target", b"done")


main(sys.argv[1])
