"""Pictures: feature graph and gates as DOT and laid-out diagrams, connector matrices, feature images."""
