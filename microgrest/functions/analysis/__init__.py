"""What is computed of samples and observations: differences, integrals, covariances, distances."""
