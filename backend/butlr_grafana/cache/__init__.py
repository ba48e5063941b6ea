"""Caches of settled chunks, of the topology and of floor-plan images: in memory and on disk."""
