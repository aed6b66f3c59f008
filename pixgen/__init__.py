"""pixgen draws pictures from text by optimisation."""
