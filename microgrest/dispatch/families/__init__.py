"""The rows that are not elementwise, by family: what each computes, on tensors."""
