"""What a network was before: the baseline that it must not fall behind, and the diff of two of its versions."""
