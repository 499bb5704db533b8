"""The texts of the rules, by family: name, summary, how a spec asks for it, meaning, why, fix, reference."""
