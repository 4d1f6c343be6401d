"""No test and no notebook may talk to another machine: only loopback sockets connect."""

import ipaddress
import socket

_connect, _connect_ex, _resolve = (
    socket.socket.connect,
    socket.socket.connect_ex,
    socket.getaddrinfo,
)


class NetworkBlocked(OSError):
    """Raised instead of leaving the machine."""


def _is_local(host: object) -> bool:
    if host in (None, "", "localhost", b"localhost", "0.0.0.0", "::"):
        return True
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    try:
        return ipaddress.ip_address(str(host).split("%")[0]).is_loopback
    except ValueError:
        return str(host).lower() in (socket.gethostname().lower(), "localhost")


def _check(sock: socket.socket, address: object) -> None:
    if sock.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):  # type: ignore[index]
        raise NetworkBlocked(f"the tests run offline: no connection to {address!r}")


def _guarded_connect(self: socket.socket, address: object) -> None:
    _check(self, address)
    return _connect(self, address)  # type: ignore[arg-type]


def _guarded_connect_ex(self: socket.socket, address: object) -> int:
    _check(self, address)
    return _connect_ex(self, address)  # type: ignore[arg-type]


def _guarded_resolve(host: object, *args: object, **kwargs: object) -> list:
    if not _is_local(host):
        raise NetworkBlocked(f"the tests run offline: no look-up of {host!r}")
    return _resolve(host, *args, **kwargs)  # type: ignore[arg-type]


def block() -> None:
    """From now on only loopback addresses can be reached from this process."""
    socket.socket.connect = _guarded_connect  # type: ignore[method-assign]
    socket.socket.connect_ex = _guarded_connect_ex  # type: ignore[method-assign]
    socket.getaddrinfo = _guarded_resolve  # type: ignore[assignment]
