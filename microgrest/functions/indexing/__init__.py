"""Elements by their places: `x[i]`, `x[i] = v`, and the functions that gather and scatter."""
