"""Recurrent layers: all steps of one direction of one layer, and the way back."""
