"""Every service can be started under its name."""

from importlib import import_module

import pytest

from orderwing.composition import SERVICES, StageService, WorkerService, service_named
from orderwing.kernel.stage import Stage
from orderwing.runtime.errors import OperatorError
from orderwing_schemas.topics import ALL_TOPICS, STAGES


@pytest.mark.parametrize("name", SERVICES)
def test_it_is_there(name: str) -> None:
    service = service_named(name)
    if isinstance(service, StageService):
        stage = import_module(service.module).STAGE
        assert isinstance(stage, Stage)
        assert stage.name == name
    else:
        assert isinstance(service, WorkerService)
        assert callable(import_module(service.module).run)


def test_all_that_produce_or_consume_are_there() -> None:
    outside = {"shop", "stock_system", "operator", "audit"}  # run by hand
    named = {topic.producer for topic in ALL_TOPICS}.union(*(topic.consumers for topic in ALL_TOPICS))
    assert named - outside <= set(SERVICES)
    assert {name for name, service in SERVICES.items() if isinstance(service, StageService)} == set(STAGES)


def test_a_stage_reads_every_topic_that_names_it() -> None:
    for name in STAGES:
        service = SERVICES[name]
        assert isinstance(service, StageService)
        own = {f"{name}.changelog", f"{name}.control", "reference", "clock"}
        declared = {topic.name for topic in ALL_TOPICS if name in topic.consumers} - own
        assert {topic.name for topic in import_module(service.module).STAGE.inputs} == declared


def test_another_name_is_told() -> None:
    with pytest.raises(OperatorError, match="There is no service door; there are gate, intake"):
        service_named("door")
