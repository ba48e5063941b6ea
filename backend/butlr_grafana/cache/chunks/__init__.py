"""Settled chunks by tier: memory, disk, and what replicas share."""
