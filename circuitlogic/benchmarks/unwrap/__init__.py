"""Can a deep network be unwrapped into a larger sparse one: the ladder of recipes, its curve and its controls."""
