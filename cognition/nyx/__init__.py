"""Young Nyx, the mind: one decision per request among what was offered, and the command that follows."""
