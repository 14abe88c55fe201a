"""What can be proved later: seals over the log, time stamps, the check of the log, evidence packages."""
