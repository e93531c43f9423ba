"""Passes from weights to edges, from edges to the feature graph, and from rows to gates."""
