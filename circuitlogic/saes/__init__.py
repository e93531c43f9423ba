"""Sparse autoencoders: one file per architecture, a registry, training, metrics, files on disk."""
