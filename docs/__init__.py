"""The documentation: its pages, the settings of its site, and the programs that draw its figures."""
