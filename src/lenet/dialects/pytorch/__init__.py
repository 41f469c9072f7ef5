"""PyTorch: a readable file of Python that needs nothing but torch, and a state dict beside it."""
