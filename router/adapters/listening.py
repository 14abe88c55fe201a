"""The socket that HTTP is served on."""

import socket

from router.errors import InfrastructureProblem


def listening_socket(host: str, port: int) -> socket.socket:
    """Bound, not yet listening. Raises InfrastructureProblem when it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((host, port))
    except OSError as problem:
        door.close()
        raise InfrastructureProblem(
            f"Không mở được cổng HTTP {host}:{port}: {problem.strerror}",
            f"Cannot open the HTTP port {host}:{port}: {problem.strerror}",
            remedy_vi="đặt http_port khác trong truc.toml, hoặc 0 để tắt HTTP",
            remedy_en="set another http_port in truc.toml, or 0 to turn HTTP off",
        ) from problem
    return door
