"""Function Gemma, the boundary: from an escalation to strictly typed choices for Young Nyx."""
