"""Names are registered once."""

import pytest
from dassl.utils import Registry


def test_a_registry_refuses_a_second_object_of_a_name():
    registry = Registry("THING")

    @registry.register()
    class Thing: ...

    with pytest.raises(KeyError, match="already has Thing"):
        registry.register(type("Thing", (), {}))
    registry.register(type("Thing", (), {}), force=True)
    assert registry.get("Thing") is not Thing and registry.registered_names() == ["Thing"]
    with pytest.raises(KeyError, match="has no 'Other'; it has Thing"):
        registry.get("Other")
