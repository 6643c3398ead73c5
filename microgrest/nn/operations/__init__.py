"""What `nn.functional` names, by what it is about; all but the activations of rows."""
