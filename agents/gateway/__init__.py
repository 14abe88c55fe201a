"""The gateway: document systems connect over HTTP, in the dialects that they speak already. See README.md."""
