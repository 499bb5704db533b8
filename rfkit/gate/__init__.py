"""The gate: a specification, the reports of the networks it names, and for every rule a finding."""
