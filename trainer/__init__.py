"""The trainer: CIFAR-10 networks, from the building blocks up, whose receptive fields rfkit has checked."""
