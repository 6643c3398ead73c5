"""How it is fitted: the training, what it is compared with, and the times of both."""
