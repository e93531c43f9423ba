"""Experiments that are run for a report: the seed's MNIST experiment, reproduced and extended."""
