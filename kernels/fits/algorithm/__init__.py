"""The method of Levenberg and Marquardt: as text to compile, and as Python until it is compiled."""
