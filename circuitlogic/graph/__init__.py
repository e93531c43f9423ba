"""The feature graph: edge arrays on disk, questions about them, and the formats they leave in."""
