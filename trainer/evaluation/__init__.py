"""Have a trained network answer the images of a split, and tell how well it did."""
