"""Dialect B: the provincial LGSP, version 1. See README.md."""

from agents.gateway.lgsp.room import answer, routes

__all__ = ["answer", "routes"]
