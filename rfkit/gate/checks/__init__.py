"""What is looked at in a report: numbers, structure, and the arithmetic of the ways out."""
