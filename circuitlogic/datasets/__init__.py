"""Labelled images to study: built-in digits, MNIST, and any folder of IDX files."""
