"""The headers by which browsers limit what a page may do."""

from __future__ import annotations

CONTENT_SECURITY = "Content-Security-Policy"
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "SAMEORIGIN",
    CONTENT_SECURITY: (
        "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'self'"
    ),
}
"""Headers of every answer; a page with a style of its own says so in its policy."""
