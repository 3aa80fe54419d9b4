"""The `nimmerverse` command: runs the nervous system on one machine, shows it, and asks it questions."""
