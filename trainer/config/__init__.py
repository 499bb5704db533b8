"""What a training is asked to do: one frozen record, the same on the command line, in TOML and in the run folder."""

from trainer.config.files import from_mapping, read_toml, to_toml
from trainer.config.settings import RESUMABLE, Config, duration, kind_of, option_of

__all__ = ["RESUMABLE", "Config", "duration", "from_mapping", "kind_of", "option_of", "read_toml", "to_toml"]
