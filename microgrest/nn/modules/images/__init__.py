"""Modules over images, signals and volumes: (batch, channels, *sizes), or without the batch.

In come tensors of one to three sizes. Out come others: convolved, padded, pooled, resampled.
"""
