"""One module per command of `truc-agent`."""
