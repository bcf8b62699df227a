"""API of practices, of their adoptions and of effects."""
