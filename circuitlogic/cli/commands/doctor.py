"""`circuitlogic doctor`."""

from circuitlogic.cli.console import write
from circuitlogic.cli.options import Json


def doctor(json: Json = False) -> None:
    """Say what is installed here.

    Versions, devices, layout engines: paste it into bug reports.

    Example: circuitlogic doctor
    """
    from circuitlogic.cli.diagnosis import diagnosis
    from circuitlogic.cli.documents import write_document

    facts = diagnosis()
    if json:
        write_document("doctor", facts)
        return
    write("".join(f"{name:<16} {value}\n" for name, value in facts.items()))
