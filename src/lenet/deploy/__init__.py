"""Networks as they are used: the part that answers, and the same in layers that another system has."""
