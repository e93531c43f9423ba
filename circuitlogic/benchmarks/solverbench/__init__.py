"""Connector solvers against planted rows and against their peers."""
