"""Intake: orders, their duplicates and conflicts."""
