"""Results as PNG images and WebP films."""
