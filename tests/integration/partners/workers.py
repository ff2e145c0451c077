"""Workers that can be killed: python -m tests.integration.partners.workers

The process sets Django up once and forks a worker for each line that says `start NAME`; it prints the worker's process
id. A worker makes and takes away partners' roles until nothing is due. `wait PID` prints how it ended.
"""

import functools
import os
import sys

import botocore.session


def main() -> None:
    import django  # noqa: PLC0415  # its settings come with the environment

    django.setup()
    _read_aws_models()
    from portal import wiring  # noqa: PLC0415  # after the settings are chosen
    from portal.access.operations.partners import work_partner_roles  # noqa: PLC0415  # as above

    for line in sys.stdin:
        word, argument = line.split()
        if word == "wait":
            _, status = os.waitpid(int(argument), 0)
            _say(os.waitstatus_to_exitcode(status))
            continue
        child = os.fork()
        if child == 0:
            work_partner_roles.work_partner_roles(aws=wiring.aws_ports(), holder=argument)
            os._exit(0)
        _say(child)


def _read_aws_models() -> None:
    """Once for all workers, who find them in the memory that they share: they take half a second of each else."""
    botocore.session.create_loader = functools.cache(botocore.session.create_loader)
    session = botocore.session.get_session()
    for name in ("iam", "sts"):
        session.create_client(name, region_name="us-east-1")


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
