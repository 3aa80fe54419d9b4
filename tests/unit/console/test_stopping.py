"""How long stopping may take follows from its stages; no clock is needed to know it."""

from console.organism import SERVER_STOP_S, STAGE_S
from console.roster import Stage
from console.supervisor import KILL_S


def test_all_stages_and_the_server_end_within_ten_seconds() -> None:
    assert len(Stage) * (STAGE_S + KILL_S) + SERVER_STOP_S + KILL_S <= 10.0
