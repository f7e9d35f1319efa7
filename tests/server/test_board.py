"""The board follows a run, on a virtual clock."""

from __future__ import annotations

import asyncio

from headrace.aio.virtual_time import run_virtual
from headrace.model.mapping import MappingState
from headrace.server.board import STALLED_SECONDS, TICK_SECONDS, Board, Phase
from tests.server.rig import mapping_runner


def watched(board: Board, seconds: float, *, between=lambda: None) -> None:
    """Keep *board* for a while; *between* is called after the first tick."""

    async def read():
        return {}

    async def main():
        async with asyncio.TaskGroup() as group:
            keeper = group.create_task(board.keep(read))
            await asyncio.sleep(TICK_SECONDS / 2)
            between()
            await asyncio.sleep(seconds)
            keeper.cancel()

    run_virtual(main())


def test_a_run_is_running_once_every_mapping_has_begun():
    first, second = mapping_runner("A"), mapping_runner("B")
    second.state = MappingState.CREATING
    board = Board((first, second))
    phases = []

    def begin():
        phases.append(board.phase)
        second.state = MappingState.ENABLED

    watched(board, 2 * TICK_SECONDS, between=begin)

    assert [*phases, board.phase] == [Phase.STARTING, Phase.RUNNING]


def test_a_run_that_stops_does_not_run_again():
    board = Board((mapping_runner(),), phase=Phase.STOPPING)

    watched(board, 1)

    assert board.phase is Phase.STOPPING


def test_a_board_is_alive_as_long_as_somebody_comes_by():
    board = Board((mapping_runner(),))
    before = board.is_alive(0)

    watched(board, 1)
    assert board.ticked_at is not None

    assert not before
    assert board.is_alive(board.ticked_at + STALLED_SECONDS - 1)
    assert not board.is_alive(board.ticked_at + STALLED_SECONDS + 1)
