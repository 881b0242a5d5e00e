"""The bench of the stages takes every order to its plan."""

from dataclasses import replace
from pathlib import Path

import pytest

from orderwing.bench.market import generated_market
from orderwing.bench.stages import ROAD, hot_functions, measure, table
from orderwing.commands.policy_log import read_policy_file
from orderwing.runtime.errors import OperatorError

START_MS = 1_790_000_000_000
POLICY = Path(__file__).parents[2] / "deploy" / "policies" / "gb.yaml"


def test_every_order_reaches_allocation_and_leaves_its_plan() -> None:
    market = generated_market(20, START_MS)
    rules = read_policy_file(POLICY).policy
    governed = {cost.stage: cost for cost in measure(replace(market, policy=rules), 1)}
    costs = {cost.stage: cost for cost in measure(market, 1)}
    assert list(costs) == [stage.name for stage in ROAD]
    assert governed["reservation"].event_bytes > costs["reservation"].event_bytes, "its cards name the policy"
    assert costs["gate"].events == costs["intake"].records_in == 1
    assert costs["allocation"].records_in >= 1 <= costs["allocation"].events
    assert all(cost.cpu_us > 0 and cost.event_bytes > 0 for cost in costs.values())
    assert len(table("a title", market, list(costs.values())).rows) == len(ROAD) + 1


def test_a_stage_off_the_road_cannot_be_profiled() -> None:
    with pytest.raises(OperatorError, match="no stage dispatch on the road"):
        hot_functions(generated_market(1, START_MS), "dispatch")
