"""Cognition: Function Gemma turns an opened gate into typed choices, Young Nyx chooses and commands.

Both are processes of their own that meet only on the bus. A model is one noisy witness here: it weighs
among choices that code has enumerated, and nothing that it says becomes text anywhere.
"""
