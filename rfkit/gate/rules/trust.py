"""RF3xx: layers that add nothing or do not fit; RF4xx: what cannot be known; RF5xx: baseline and exceptions."""

from __future__ import annotations

_RICHTER = "Richter, Schoening, Wiedenroth, Krumnack: Should You Go Deeper?, ICMLA 2021, arXiv 2106.12307"
_OWN_DOCS = "docs/receptive-fields.md"

RULES: dict[str, tuple[str, str, str, str, str, str, str]] = {
    "RF301": (
        "unproductive-layer",
        "a convolution's input already sees more than the image",
        "no_unproductive_layers = true",
        "A convolution is unproductive where its input, over the shortest path, already sees more than the image on every axis "
        "on which it slides.",
        "It can add no context. In the study cited such layers hardly improved the accuracy of classifiers. It is a prediction "
        "about classification, not a law, and says nothing about dense prediction.",
        "Leave the layer out, feed larger images, or stride less early on.",
        _RICHTER,
    ),
    "RF302": (
        "misaligned-paths",
        "paths that are joined disagree in jump or centre",
        "aligned = true",
        "Where paths are added or concatenated, units at the same place should look at the same place of the image with the "
        "same jump.",
        "Misaligned paths mix features of different places; the usual cause is a padding that was left out on one of them.",
        "Give every path the same strides, and each convolution a padding of d*(k-1)/2.",
        "Araujo, Norris, Sim: Computing Receptive Fields of Convolutional Neural Networks, Distill 2019, "
        "doi 10.23915/distill.00021",
    ),
    "RF401": (
        "unknown-operator",
        "an operator without a rule ran: what follows it is not known",
        "",
        "An operator is never guessed: behind one without a rule, the fields are unknown and the limits on them undecided.",
        "A wrong number is worse than none.",
        "Teach rfkit the operator with rfkit.rule, or put known operators in its place.",
        _OWN_DOCS,
    ),
    "RF501": (
        "worse-than-baseline",
        "a number is worse than the baseline by more than the tolerance",
        'baseline = "rfkit-baseline.json"',
        "The committed baseline holds the numbers of each network; what is worse by more than the tolerance is reported.",
        "Networks grow a little with every change, and no single change looks like the one too many.",
        "Take the change back, or accept it with rfkit baseline update and commit the file.",
        "docs/in-ci.md",
    ),
    "RF502": (
        "stale-exception",
        "an exception matches nothing or is past its date",
        'exceptions = [{rule = "RF301", layer = "conv5.*", reason = "...", until = 2027-01-01}]',
        "Every exception must cover a finding of this run, and holds up to and including its day.",
        "An exception that is no longer needed would hide the next finding.",
        "Delete it, or give it a new date and a reason.",
        "docs/in-ci.md",
    ),
    "RF503": (
        "not-in-baseline",
        "a network is missing from the baseline",
        'baseline = "rfkit-baseline.json"',
        "A baseline is in use, but has no entry for this network.",
        "A network without an entry is not held to anything.",
        "Add it with rfkit baseline update and commit the file.",
        "docs/in-ci.md",
    ),
}
