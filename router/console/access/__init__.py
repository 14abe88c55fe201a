"""Who comes in, and how: sign-in, sessions, tokens, headers, single sign-on, and the accounts' own pages."""
