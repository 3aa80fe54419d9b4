"""The thalamus: ternary gates that accumulate the agreement of independent witnesses.

`fold` and what it stands on (`tables`, `rules`, `ring`, `gate`, `learning`) are pure: no clock, no input or
output, no randomness. `service` feeds them from SENSES and publishes what they decide. `history`, `replay`,
`whatif`, `capture` and `republish` answer questions about the past from the same logs.
"""
