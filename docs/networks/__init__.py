"""Networks that the pages draw."""
