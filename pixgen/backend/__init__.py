"""PyTorch made predictable: devices, random streams, differentiable helpers, torchvision beside any build."""
