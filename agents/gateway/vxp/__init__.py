"""The dialect of the VXP client library: arguments in signed headers, JSON answers. See README.md."""

from agents.gateway.vxp.routes import answer, routes

__all__ = ["answer", "routes"]
