"""Values of the notebook, found with nothing run and told in words."""
