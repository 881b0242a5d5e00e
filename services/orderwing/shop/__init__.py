"""Shops outside the pipeline: a demo market, generated orders, and real ones. No stage knows any of it."""
