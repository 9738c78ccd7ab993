"""Drills: a store in a certain trouble, made by real processes, which is looked at until somebody has mended it."""

NAMES = ("dead-worker", "hung", "ghost", "full-disk", "moved-store", "poison")
"""Every drill; what each is stands in a file of its own, the table of all in `table`."""
