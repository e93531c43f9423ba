"""circuitlogic reads the logic out of a trained neural network."""

__version__ = "0.1.0"
