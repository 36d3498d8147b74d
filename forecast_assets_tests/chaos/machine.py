"""Operations drawn from a seed, faults at any of their writes, and what must hold after each step; a program.

Belongs here: drawing steps, doing them, checking, enumerating kill points, shrinking what fails.
Does not belong here: faults, operations, invariants and worlds, which have modules of their own.

A step does an operation and lets a fault strike at one of its writes. Then the operation is done again
without a fault, as a person would, and everything is checked. What is printed for a failing seed replays it:

    python -m forecast_assets_tests.chaos.machine 1 200            # seeds 1 to 200
    python -m forecast_assets_tests.chaos.machine points:promote   # a kill before each commit and file
    python -m forecast_assets_tests.chaos.machine points:promote 7 # from the 7th on
    python -m forecast_assets_tests.chaos.machine '[{"operation": ...}]'
"""

import json
import os
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from forecast_assets_tests.chaos import children, faults
from forecast_assets_tests.chaos.invariants import digest, red_but_done, wrong
from forecast_assets_tests.chaos.operations import OPERATIONS, REPEATABLE, World
from forecast_assets_tests.chaos.worlds import Template

_STEPS = int(os.environ.get("CHAOS_STEPS", "3"))
_BESIDE = ("evaluate", "force", "register", "promote", "rollback", "trim", "backup", "batch")
_FARTHEST = 45.0  # days by which a clock jumps


@dataclass(frozen=True)
class Step:
    """An operation, and a fault that strikes at the share ``where`` of its writes, or at write ``at``."""

    operation: str
    fault: str | None
    where: float = 0.0
    at: int = 0


def drawn(seed: int, steps: int = _STEPS) -> list[Step]:
    """The steps of a seed."""
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    return [
        Step(
            dice.choice(list(OPERATIONS)), dice.choice((*faults.FAULTS, faults.KILL)), round(dice.random(), 4)
        )
        for _ in range(steps)
    ]


def resolved(step: Step, template: Template) -> Step:
    """Say at which write a step's fault strikes, so that it strikes there again when it is replayed."""
    if step.fault not in faults.STRIKING or step.at:
        return step
    writes = faults.strikeable(step.fault, template.writes(step.operation))
    return replace(step, at=1 + int(step.where * writes))


def done(world: World, step: Step, server: Path) -> list[str]:
    """Do one step in a ``world`` that is prepared for it; return what is wrong afterwards."""
    work, begun = world.work(step.operation), time.monotonic()
    jump = (2 * step.where - 1) * _FARTHEST if step.fault == faults.CLOCK else 0.0
    running = [children.begun(work, kind=step.fault, at=step.at, server=server, jump=jump)]
    if OPERATIONS[step.operation].is_twice:
        running.append(children.begun(work))
    elif step.fault == faults.BESIDE:
        running.append(children.begun(world.work(_BESIDE[int(step.where * len(_BESIDE))])))
    codes, problems = [], []
    for child in running:
        code, output = children.ended(child)
        codes.append(code)
        # Whoever is killed or refused leaves nothing but work to do; a trace is never right.
        problems += [] if code in {0, 1, 2, 3, -9} else [f"ended with {code}: {output['trace']}"]
    if step.fault == faults.HALF_OPEN:  # what the dead one's sessions hold is met first, then gone
        children.command(work)
        time.sleep(faults.HALF_OPEN_SECONDS)
    world.backups += step.operation == "backup"
    code, answer = children.Child(partial(_settled, step, work, world.excused)).result()
    if code == 0:
        found, world.excused = json.loads(answer)
        problems += found
    else:
        problems.append(f"what comes after it ends with {code}: {answer}")
    print(f"{step}: {codes}, {time.monotonic() - begun:.1f} s", flush=True)  # noqa: T201
    return [f"{step}: {problem}" for problem in problems]


def _settled(step: Step, work: Sequence[str] | Callable, excused: Sequence[str]) -> str:
    """Do an operation twice without a fault: the first completes what was struck, the second does nothing."""
    accepted, problems = {0, 1, 2}, []
    if step.operation == "backup":  # one that did not become a backup is made again, as its remedy says
        assert not callable(work)
        shutil.rmtree(work[-1], ignore_errors=True)
        accepted = {0}
    times = ("again", "once more") if step.operation in REPEATABLE else ("again",)
    before: dict[str, str] = {}
    for time_ in times:
        before = digest() if time_ == "once more" else {}
        output = children.called(work)
        problems += [] if output["code"] in accepted else [f"{time_} ended with {output['code']}: {output}"]
    if changed := [name for name, held in (digest() if before else {}).items() if held != before[name]]:
        problems.append(f"once more changed {changed}")
    problems += wrong(None if step.fault == faults.FULL else excused)
    return json.dumps([problems, red_but_done() if step.fault == faults.FULL else excused])


def tried(steps: Sequence[Step], template: Template) -> list[str]:
    """Do ``steps`` in a copy of the template; return what is wrong after the first that does harm."""
    with template.world() as world:
        for step in steps:
            if not template.is_prepared:
                world.prepare(step.operation)
            if problems := done(world, step, template.server):
                return problems
    return []


def shrunk(steps: Sequence[Step], template: Template) -> Sequence[Step]:
    """The steps without those that the failure does not need."""
    for step in steps:
        fewer = [one for one in steps if one is not step]
        if fewer and tried(fewer, template):
            steps = fewer
    return steps


def asked_for(words: Sequence[str], template: Template) -> Iterator[tuple[str, list[Step]]]:
    """What the command line asks for: seeds, all kill points of an operation, or steps to replay."""
    first = words[0]
    if first.startswith("["):
        yield "replay", [Step(**one) for one in json.loads(first)]
    elif first.startswith("points:"):
        operation = first.removeprefix("points:")
        points = faults.strikeable(faults.KILL, template.writes(operation))
        template.prepare(operation)
        for at in range(int(words[1]) if len(words) > 1 else 1, points + 1):
            yield f"{operation} killed at {at} of {points}", [Step(operation, faults.KILL, at=at)]
    else:
        for seed in range(int(first), int(first) + int(words[1])):
            yield f"seed {seed}", drawn(seed)


def main() -> None:
    """Try what is asked for; exit code 1 when anything does not hold."""
    failed = 0
    with Template() as template:
        for name, planned_steps in asked_for(sys.argv[1:], template):
            steps = [resolved(step, template) for step in planned_steps]
            problems = tried(steps, template)
            print(f"{name}: {'; '.join(problems) or 'holds'}", flush=True)  # noqa: T201
            if problems:
                failed += 1
                least = json.dumps([asdict(step) for step in shrunk(steps, template)])
                print(f"replay: {least}", flush=True)  # noqa: T201
    print(f"{failed} violations", flush=True)  # noqa: T201
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
