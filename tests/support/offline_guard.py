"""No test and no notebook may talk to another machine: only loopback addresses are reached."""

import ipaddress
import socket
import sys


class NetworkBlocked(OSError):
    """Raised instead of leaving the machine."""


def _is_local(host: object) -> bool:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "").lower()
    if name in ("", "localhost", "0.0.0.0", "::", socket.gethostname().lower()):
        return True
    try:
        return ipaddress.ip_address(name.split("%")[0]).is_loopback
    except ValueError:
        return False


def _check(event: str, arguments: tuple) -> None:
    """An audit hook: Python calls it before a socket connects, sends or looks a name up."""
    if event in ("socket.connect", "socket.sendto"):
        where, address = arguments
        inside = where.family not in (socket.AF_INET, socket.AF_INET6) or _is_local(address[0])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        address = arguments[0]
        inside = _is_local(address)
    else:
        return
    if not inside:
        raise NetworkBlocked(f"the tests run offline: no way to {address!r}")


def block() -> None:
    """From now on only loopback addresses can be reached from this process."""
    sys.addaudithook(_check)
