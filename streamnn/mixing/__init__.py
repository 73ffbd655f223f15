"""From the members' predictions to the pool's: exponential weights with fixed share, and stackers."""
