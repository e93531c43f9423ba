"""The feature network: the original with a stretch of layers replaced by encoder -> connectors -> decoder."""
