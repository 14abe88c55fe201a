"""Who may call the gateway: keys of document systems, their secrets, logins and rates. See README.md."""

from agents.gateway.access.records import KeyRecord, KeyState, Login, NewKey
from agents.gateway.access.store import AccessStore
from agents.gateway.access.throttle import Throttle

__all__ = ["AccessStore", "KeyRecord", "KeyState", "Login", "NewKey", "Throttle"]
