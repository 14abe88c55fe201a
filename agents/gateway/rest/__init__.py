"""The gateway's own interface: REST under `/api/v1`, described by the OpenAPI that its code makes. See README.md."""

from agents.gateway.rest.app import answer, connectors, routes

__all__ = ["answer", "connectors", "routes"]
