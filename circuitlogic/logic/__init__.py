"""The theory: formulas, truth tables, gate kinds. Pure: no torch, no input or output."""
