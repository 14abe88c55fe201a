"""The hub: validates, verifies, routes and tracks documents between agencies."""
