"""The last error of the notebook, told for a model."""
