"""Reference data that cannot be read, on both buses: a stage says so, and no restart makes it a defect."""

from __future__ import annotations

import pytest

from contract.probe_stage import Probe
from contract.worlds import Cast
from orderwing.kernel.ports import Outgoing

PARTITION = 1


def stranger(probe: Probe, value: bytes | None) -> Outgoing:
    return Outgoing(probe.reference.name, PARTITION, b"theirs", value, [("ce_type", b"network.published.v1")])


@pytest.mark.parametrize("while_running", [True, False])
def test_a_stage_halts_with_a_sentence_until_the_record_is_written_over(
    cast: Cast, probe: Probe, while_running: bool
) -> None:
    runner = cast.runner(probe)
    if while_running:
        cast.until(lambda: runner.ready, runner)
    cast.world.publish(stranger(probe, b"{}"))
    cast.until(lambda: runner.halted is not None, runner)
    assert (runner.halted or "").startswith(f"Halted: {probe.reference.name}/{PARTITION}@1 is no reference data")
    runner.close()

    again = cast.runner(probe, "1")
    cast.until(lambda: again.halted is not None, again)
    assert not again.ready
    again.close()

    cast.world.publish(stranger(probe, None))
    heir = cast.runner(probe, "2")
    cast.until(lambda: heir.ready, heir)
    assert heir.halted is None
