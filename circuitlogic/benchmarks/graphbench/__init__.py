"""The graph against its peers: one large graph with hubs, the same questions to every library, in one run."""
