from weft import clock, ids
from weft.testing import counting_ids, ticking_clock


def test_the_clock_ticks_and_the_ids_count_inside_the_block_only() -> None:
    with ticking_clock(100, 5), counting_ids():
        assert [clock.now_ns(), clock.now_ns()] == [100, 105]
        assert [ids.new_id(), ids.new_id()] == ["000000000001", "000000000002"]
    assert clock.now_ns() > 10**18
    assert ids.new_id() != ids.new_id()
