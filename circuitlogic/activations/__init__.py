"""What a network computes at its sites: captured by hooks, kept in shards on disk, read back aligned."""
