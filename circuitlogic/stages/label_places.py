"""Owns where a study's labels lie, so that a graph without any is read without looking further."""

ANNOTATIONS = "annotations.json"
"""Labels that somebody wrote down."""
CONTEXTS = "contexts"
"""Where text studies keep automatic labels."""
