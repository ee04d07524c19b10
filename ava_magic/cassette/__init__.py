"""Recording what endpoints reply, and replaying it without a network."""
