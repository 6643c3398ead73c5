"""What comes of an order: elements of some ranks, quantiles, distinct elements, counts."""
