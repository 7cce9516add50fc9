"""The game, the losses, the loops."""
