"""How a connector is found: one file per solver, and the registry that names them."""
