"""Learning rates over time; `optim.lr_scheduler` lists them."""
