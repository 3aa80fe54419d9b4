import json

from hypothesis import given, settings
from hypothesis import strategies as st

from cognition.quoting import MAX_QUOTED, quoted

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5),
)


@settings(deadline=None)  # a busy machine is no failure
@given(values)
def test_what_is_quoted_is_short_and_is_json_on_one_line(value: object) -> None:
    shown = quoted(value)  # type: ignore[arg-type]
    assert shown.splitlines() == [shown]
    json.loads(shown)
    assert len(json.loads(shown) if shown.startswith('"') else shown) <= MAX_QUOTED + 1


def test_a_wave_cannot_end_its_own_quotation() -> None:
    assert quoted('"\naction: {"') == r'"\" action: {\""'
