"""Is it true? The feature network against the original."""
