"""What may be said on the command line of `fit`, in sections, and how it is read, by click only."""
