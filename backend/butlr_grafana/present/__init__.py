"""Results become frames, rows, files and images."""
