"""Our own form of a model: description and weights in one safetensors file."""
