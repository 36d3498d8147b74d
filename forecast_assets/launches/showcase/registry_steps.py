"""The steps of a showcase at the registry: the model of the pair that is shown, under an alias of its own.

Belongs here: registering it, what promoting it would take, its files once more, the alias's way back.
Does not belong here: versions and decisions themselves (``registry``) and the other steps (``steps``).
"""

from forecast_assets.launches.showcase.context import ShowcaseContext, StepResult
from forecast_assets.registry import proposals
from forecast_assets.registry.registration import register as registered
from forecast_assets.registry.verification import verified

ALIAS = "demo-production"


def register(context: ShowcaseContext) -> StepResult:
    """Keep the champion of the pair as a model version that an alias of the showcase means."""
    pair, registry = str(context.pair()), context.work.registry()
    (done,) = registered(context.stores, registry, [pair], run_id=context.run_id)
    if done.row is None:
        return StepResult("warn", f"{pair} is not registered: {done.sentence}")
    context.version = done.row
    version = done.row["version"]
    context.alias_before = registry.aliases([pair]).get(pair, {}).get(ALIAS)
    if context.alias_before != version:
        registry.move_alias(pair, ALIAS, version)
    context.created |= {"model_version": version, "alias": f"{pair}@{ALIAS}"}
    return StepResult("pass", f"version {version} ({done.row['candidate']}) is models:/{pair}@{ALIAS}")


def promote(context: ShowcaseContext) -> StepResult:
    """Say what making it the live model would change; nobody has approved that, so that nothing is."""
    pair = str(context.pair())
    proposed = proposals.promotions(context.stores, context.work.registry(), context.preset.dataset, [pair])
    if not proposed:
        return StepResult("skip", "no version waits for a decision")
    (one,) = proposed
    failed = "".join(f"; {gate.name}: {gate.sentence}" for gate in one.gates if gate.passed is False)
    passed = sum(bool(gate.passed) for gate in one.gates)
    return StepResult(
        "pass", f"{one.change}: version {one.to_version}, {passed} of {len(one.gates):,} gates hold{failed}"
    )


def verify_files(context: ShowcaseContext) -> StepResult:
    """Compare the registered files with their SHA-256."""
    if context.version is None:
        return StepResult("skip", "nothing was registered")
    ((_, gate),) = verified(context.work.registry(), [context.version]).items()
    return StepResult(
        "pass" if gate.passed else "fail", f"version {context.version['version']}: {gate.sentence}"
    )


def cleanup(context: ShowcaseContext) -> StepResult:
    """Let the alias mean what it did before, unless the run is kept."""
    dataset = f"dataset {context.preset.dataset} stays for you to look at"
    if context.version is None or context.config.workspace_name is not None:
        return StepResult("pass", dataset)
    pair, registry = str(context.pair()), context.work.registry()
    if context.alias_before is None:
        registry.drop_alias(pair, ALIAS)
    elif context.alias_before != context.version["version"]:
        registry.move_alias(pair, ALIAS, context.alias_before)
    return StepResult("pass", f"alias {ALIAS} is as it was before; {dataset}")
