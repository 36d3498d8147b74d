"""The steps of a showcase at the registry: the model of the pair that is shown, under an alias of its own.

Belongs here: registering it, what promoting it would take, its files once more, the alias's way back.
Does not belong here: versions and decisions themselves (``registry``) and the other steps (``steps``).
"""

from forecast_assets.launches.showcase.context import Bench, Told
from forecast_assets.registry import proposals
from forecast_assets.registry.registration import register as registered
from forecast_assets.registry.verification import verified
from forecast_assets.stores.registry import open_registry

ALIAS = "demo-production"


def register(bench: Bench) -> Told:
    """Keep the champion of the pair as a model version that an alias of the showcase means."""
    pair, registry = str(bench.pair()), open_registry()
    (done,) = registered(bench.stores, registry, [pair], run_id=bench.run_id)
    if done.row is None:
        return Told("warn", f"{pair} is not registered: {done.sentence}")
    bench.version = done.row
    version = int(str(done.row["version"]))
    bench.alias_before = registry.aliases([pair]).get(pair, {}).get(ALIAS)
    if bench.alias_before != version:
        registry.move_alias(pair, ALIAS, version)
    bench.made |= {"model_version": version, "alias": f"{pair}@{ALIAS}"}
    return Told("pass", f"version {version} ({done.row['candidate']}) is models:/{pair}@{ALIAS}")


def promote(bench: Bench) -> Told:
    """Say what making it the live model would change; nobody has approved that, so that nothing is."""
    pair = str(bench.pair())
    found = proposals.promotions(bench.stores, open_registry(), bench.plan.dataset, [pair])
    if not found:
        return Told("skip", "no version waits for a decision")
    (one,) = found
    failed = "".join(f"; {gate.name}: {gate.told}" for gate in one.gates if not gate.passed)
    passed = sum(gate.passed for gate in one.gates)
    return Told(
        "pass", f"{one.change}: version {one.to_version}, {passed} of {len(one.gates)} gates hold{failed}"
    )


def verify_files(bench: Bench) -> Told:
    """Compare the registered files with their SHA-256."""
    if bench.version is None:
        return Told("skip", "nothing was registered")
    ((_, gate),) = verified(open_registry(), [bench.version]).items()
    return Told("pass" if gate.passed else "fail", f"version {bench.version['version']}: {gate.told}")


def cleanup(bench: Bench) -> Told:
    """Let the alias mean what it did before, unless the run is kept."""
    dataset = f"dataset {bench.plan.dataset} stays for you to look at"
    if bench.version is None or bench.config.workspace_name is not None:
        return Told("pass", dataset)
    pair, registry = str(bench.pair()), open_registry()
    if bench.alias_before is None:
        registry.drop_alias(pair, ALIAS)
    elif bench.alias_before != bench.version["version"]:
        registry.move_alias(pair, ALIAS, bench.alias_before)
    return Told("pass", f"alias {ALIAS} is as it was before; {dataset}")
