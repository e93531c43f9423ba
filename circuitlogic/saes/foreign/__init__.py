"""Dictionaries saved by other libraries: one file per format and a registry; nothing in them is trusted."""
