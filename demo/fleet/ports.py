"""Ports of 127.0.0.1 that are ours, and stay so."""

import socket

from demo.fleet.layout import HOST

_held: list[socket.socket] = []


def held_port() -> int:
    """A bound socket that does not listen holds it until this process ends: a call to it is refused
    while its server is dead, and nobody else's connection takes it meanwhile.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((HOST, 0))
    _held.append(held)
    return int(held.getsockname()[1])
