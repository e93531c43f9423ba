"""Subjects: the networks under study, and what the rest of the package needs of them."""
