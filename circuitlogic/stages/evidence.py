"""Between stages 7 and 8: what the samples show of every gate, for whoever reads it without the network."""

from circuitlogic.progress import Progress
from circuitlogic.stages.class_evidence import make_class_evidence
from circuitlogic.stages.examples import make_examples
from circuitlogic.stages.sample_evidence import make_sample_evidence
from circuitlogic.stages.subject import Subject
from circuitlogic.stages.token_contexts import make_contexts
from circuitlogic.stages.token_evidence import make_token_evidence
from circuitlogic.study import Study


def make_evidence(study: Study, subject: Subject, progress: Progress) -> None:
    """Of images: examples, classes, counter-examples; of text: contexts and what single tokens tell."""
    make_examples(study, subject, progress)
    make_class_evidence(study)
    make_sample_evidence(study)
    make_contexts(study, subject, progress)
    make_token_evidence(study, subject, progress)
