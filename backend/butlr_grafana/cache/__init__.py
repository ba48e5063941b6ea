"""Where settled chunks, the topology and floor-plan images are kept: memory and disk."""
