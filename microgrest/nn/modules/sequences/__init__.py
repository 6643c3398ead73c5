"""Modules over sequences: recurrent layers and cells, attention, transformers."""
