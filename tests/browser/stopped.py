"""A page whose clock stands still until a test moves it; otherwise it runs on while a slow machine works."""

from __future__ import annotations

from playwright.sync_api import Browser, Page

TIME_ZONE = "America/Los_Angeles"
"""Of the screen, nine hours west of the floors in Paris."""


def stopped_page(browser: Browser, now_s: float) -> Page:
    """At `now_s` (Unix seconds). Timers fire in `page.clock.run_for` only."""
    page = browser.new_page(timezone_id=TIME_ZONE)
    page.clock.install(time=int(now_s) - 3600)
    page.clock.pause_at(int(now_s))
    return page
