"""The stages of a study: one file each, with what it depends on, how it is made, and how it is read back."""
