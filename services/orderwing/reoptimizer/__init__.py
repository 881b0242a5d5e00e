"""Looks again, window by window, at every part that is planned and not frozen, and proposes better plans."""
