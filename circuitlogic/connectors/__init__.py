"""Connectors: sparse maps from the features of one site to the features of the next."""
