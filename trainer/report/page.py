"""Fill the page's template."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from trainer.record import Record
from trainer.report import facts
from trainer.report.network import HEAD, network_rows
from trainer.report.pictures import mistakes, pictures
from trainer.stored_evaluation import class_scores, confused
from trainer.tables import counted, human, percent, time


def page(record: Record, notes: Sequence[str] = ()) -> str:
    """The HTML of a run's report.

    Args:
        record: of the run.
        notes: what could not be done, a sentence each.
    """
    said = list(notes)
    drawn = pictures(record, said)
    evaluation = record.evaluation
    rows, left_out = network_rows(record.report) if record.report else ([], 0)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"counted": counted, "human": human, "percent": percent, "time": time}
    template = environment.from_string((files("trainer.report") / "template.html").read_text(encoding="utf-8"))
    return template.render(
        record=record,
        started=str(record.environment.get("started", ""))[:10],
        headline=facts.headline(record),
        warnings=[*facts.warnings(record), *said],
        recipe=facts.recipe(record),
        settings=facts.settings(record),
        results=facts.results(record),
        environment=facts.environment(record),
        badge=facts.gate_badge(record),
        findings=facts.findings(record),
        head=HEAD,
        rows=rows,
        left_out=left_out,
        pictures=drawn,
        evaluation=evaluation,
        classes=[] if evaluation is None else class_scores(evaluation),
        confused=[] if evaluation is None else confused(evaluation),
        mistakes=[] if evaluation is None else mistakes(evaluation),
    )
