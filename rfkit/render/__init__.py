"""One file per form of a report: ``render(report, ...) -> str``. Nothing here prints, writes or traces."""
