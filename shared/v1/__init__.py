"""Version 1 of the wire contract, and the runtime that every process uses."""
