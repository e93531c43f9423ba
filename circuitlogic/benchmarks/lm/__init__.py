"""The language-model experiment: studies of a trained model and of its untrained control, side by side."""
